"""Proposing the frames of a clip to paint, as one function that reads from top to bottom: `propose`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pipeline.keys.painting import Painter
from pipeline.keys.reaches import reaches
from pipeline.make.made_window import MadeWindow
from pipeline.plan.key_frames import PROPOSE, KeyFrames
from pipeline.plan.stable_path import STABILISE, StablePath
from pipeline.plan.stable_picture import StablePicture
from pipeline.run import Run
from pipeline.see.ground import GROUND, Ground
from pipeline.see.joints import JOINTS, Joints
from pipeline.see.mended_matte import analysed
from pipeline.stage import RunContext
from pipeline.types import Event
from utils.errors import SettingsError
from utils.keyframes.offering import Offer
from utils.media.clip import Clip
from utils.media.timebase import Span
from utils.media.video import ClipFrames


@dataclass(frozen=True)
class Proposed:
    """Frames to paint, counted within the part of the clip that is used, and the picture that they are frames of."""

    stable: StablePicture
    apply_to: str
    offers: tuple[Offer, ...]
    events: tuple[Event, ...]
    seconds: float
    painter: str = ""
    """The engine that painted them, where one did."""
    painted: Mapping[int, MadeWindow] = field(default_factory=dict)
    """The frames that the engine painted, by their index."""

    @property
    def reaches(self) -> list[Span]:
        """The frames that are made from each: from the one before it to the one after it, within its shot."""
        shots = [(shot.start, shot.stop) for shot in self.stable.camera.shots]
        return [Span(*reach) for reach in reaches(shots, [offer.frame for offer in self.offers])]


def propose(clip: Clip, context: RunContext, wanted: Sequence[int] = (), painter: Painter | None = None) -> Proposed:
    """Propose the frames of a clip to paint, or take those that are wanted; a painter paints them.

    A restyle run uses the same stages.
    """
    run = Run(context)
    _check(clip, wanted)

    # 1. Analyse the clip: person, camera, ground and joints.
    analysis = analysed(run.take, clip, context.settings)
    if not analysis.has_subject and context.settings["generate.apply_to"] == "person":
        run.change(
            "analyse", "generate.apply_to", "both", "Nobody was found in this clip, so the whole picture is to paint."
        )
    ground = Ground(run.take(GROUND, analysis=analysis))
    joints = Joints(run.take(JOINTS, analysis=analysis, ground=ground))

    # 2. Calm the camera: frames to paint are frames of the stable picture.
    stable_path = StablePath(run.take(STABILISE, analysis=analysis))
    stable = StablePicture(clip, analysis, ground, stable_path, joints, ClipFrames.of(clip))

    # 3. Choose the frames.
    if wanted:
        offers = tuple(Offer(index - clip.start, "you asked for it") for index in sorted(set(wanted)))
    else:
        offers = KeyFrames(run.take(PROPOSE, clip=clip, analysis=analysis, joints=joints)).offers
    apply_to = str(run.context.settings["generate.apply_to"])

    # 4. Paint them, where an engine is to do that.
    painted = painter.painted(run, stable, [offer.frame for offer in offers]) if painter else {}
    name = painter.engine.name if painter and painted else ""
    return Proposed(stable, apply_to, offers, (*run.events, *analysis.events), run.seconds, name, painted)


def _check(clip: Clip, wanted: Sequence[int]) -> None:
    """Refuse frames that are not in the clip, or not in the part of it that is used."""
    outside = [index for index in wanted if index - clip.start not in clip.span]
    if outside:
        raise SettingsError(
            f"The frame {outside[0]} is not there.", f"Choose from {clip.start} to {clip.start + len(clip) - 1}."
        )
