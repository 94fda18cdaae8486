"""The guide job as one function that reads from top to bottom: `make_guide`."""

import json
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.engines.weights import weights
from pipeline.guide.carried import CarriedAnchors
from pipeline.guide.drawn import Drawing
from pipeline.guide.flows import FLOW, ClipFlow, Range, flow_models
from pipeline.guide.led import Led, needs_flow
from pipeline.guide.plan import GuidePlan, Structure
from pipeline.guide.tracker import GuidanceTracker
from pipeline.run import Run
from pipeline.see.ground import GROUND, Ground
from pipeline.see.joints import JOINTS, Joints
from pipeline.see.mended_matte import analysed
from pipeline.stage import RunContext, Stage, Work
from pipeline.types import NO_CONTROL, Done, Event
from utils.digest import canonical_json, digest_bytes
from utils.image import RGB
from utils.media.chunk import read_strip, write_strip
from utils.media.timebase import Span
from utils.media.write import ClipWriter, Encoding, Shape
from utils.prefetch import prefetch
from utils.size import Size
from utils.store import Entry

GUIDE, CARRIED, HOLES, FACTS = "guide", "carried", "holes", "facts.json"
MASK, LED = "mask", "led"
CLIPS = {GUIDE: "guide.mp4", CARRIED: "carried.mp4", MASK: "mask.mp4", LED: "led.mp4"}
"""The clips that are written: the guide, the anchors carried, the mask, and the structure videos as they lead it."""
DEPTH = "depth-anything-v2-small"
"""The weights that depth is found with."""
GIVEN, FREE = 0, 255
"""In the mask: a frame that is given and has to be kept, and what a generator fills."""


@dataclass(frozen=True)
class Guide:
    """The guide of a timeline, read from the cache picture by picture, without loss."""

    plan: GuidePlan
    entry: Entry
    carried: Entry | None

    @property
    def digest(self) -> str:
        """Digest of all of its pictures."""
        return digest_bytes(canonical_json([each.digest for each in (self.entry, self.carried) if each is not None]))

    @property
    def facts(self) -> dict[str, Any]:
        """What guides which frame, and the motion that is fully saturated."""
        return dict(json.loads(self.entry.read_bytes(FACTS)))

    def pictures(self, span: Span) -> Iterator[RGB]:
        """The guide's pictures of a span of the timeline."""
        return read_strip(self.entry.folder, GUIDE, self.plan.frames, span)

    def mask(self, span: Span) -> Iterator[NDArray[np.uint8]]:
        """For each frame of a span, black where it is given and has to be kept, white where a generator fills it."""
        shape = (self.plan.size.height_px, self.plan.size.width_px)
        for index in span:
            yield np.full(shape, GIVEN if index in self.plan.anchors else FREE, np.uint8)

    def carried_pictures(self, span: Span) -> Iterator[RGB]:
        """The anchors carried along the motion; mid grey where none reaches."""
        assert self.carried is not None, "there are no anchors"
        return read_strip(self.carried.folder, CARRIED, self.plan.frames, span)

    def holes(self, span: Span) -> Iterator[NDArray[np.uint8]]:
        """For each frame of a span, white where no anchor reaches."""
        assert self.carried is not None, "there are no anchors"
        return read_strip(self.carried.folder, HOLES, self.plan.frames, span)


@dataclass(frozen=True)
class MadeGuide:
    """Everything that a finished run produced."""

    guide: Guide
    tracker: GuidanceTracker
    clips: Entry
    settings: Mapping[str, Any]
    seconds: float
    done: tuple[Done, ...]
    events: tuple[Event, ...]

    def clip(self, name: str) -> Path:
        """One of the written clips."""
        return self.clips.path(CLIPS[name])


def make_guide(plan: GuidePlan, context: RunContext) -> MadeGuide:
    """Make the guide of a plan. Every stage is cached; the flow of a clip is extracted once for all plans."""
    run = Run(context)

    # 1. Find what leads: the flow of the structure videos, and the joints of the person where a pose is drawn.
    drawing = Drawing(plan, found_structures(run, plan))

    # 2. Draw the guide, index by index.
    entry = run.take(DRAW, drawing=drawing)

    # 3. Carry the anchors along the motion.
    carried = run.take(CARRY, drawing=drawing) if plan.anchors else None
    guide = Guide(plan, entry, carried)

    # 4. Write them as clips for people and for other programs.
    clips = run.take(GUIDE_CLIPS, guide=guide, led=replace(drawing, type="raw"))
    tracker = drawing.tracker()
    events = (*run.events, *(Event("guide", sentence) for sentence in tracker.sentences()))
    return MadeGuide(guide, tracker, clips, context.settings, run.seconds, tuple(run.done), events)


def found_structures(run: Run, plan: GuidePlan) -> tuple[Led, ...]:
    """The structures of a plan, with all that is drawn or carried by them found in their clips."""
    used = extents(plan.structures)
    return tuple(_led(run, plan, structure, used[structure.clip.digest]) for structure in plan.structures)


def extents(structures: tuple[Structure, ...]) -> dict[str, Span]:
    """For each clip, by digest, the range of its frames that its structures use."""
    used: dict[str, Span] = {}
    for structure in structures:
        own = structure.source
        known = used.get(structure.clip.digest, own)
        used[structure.clip.digest] = Span(min(known.start, own.start), max(known.stop, own.stop))
    return used


def _led(run: Run, plan: GuidePlan, structure: Structure, extent: Span) -> Led:
    depth, flow, joints = depth_weights(structure), None, None
    if needs_flow(plan, structure):
        flow = ClipFlow(run.take(FLOW, flow_models(run.context.settings), clip=structure.clip, range=Range(extent)))
    if structure.type == "pose":
        analysis = analysed(run.take, structure.clip, run.context.settings)
        ground = Ground(run.take(GROUND, analysis=analysis))
        joints = Joints(run.take(JOINTS, analysis=analysis, ground=ground))
    return Led(plan, structure, flow, joints, depth_weights=depth)


def depth_weights(structure: Structure) -> str:
    """The digest of the weights of depth, if a structure shows it; an error says what to do where they are not here."""
    return weights(DEPTH).digest if structure.type == "depth" else ""


def _draw(work: Work) -> None:
    drawing = replace(work.inputs["drawing"], check=work.cancel.check)
    plan = drawing.plan
    write_strip(work.folder, GUIDE, prefetch(counted(drawing.pictures(), work, plan.frames)))
    facts = {
        "full_px": round(drawing.full_px, 3),
        "liveliest": drawing.liveliest,
        "guidance": drawing.tracker().to_json(),
    }
    (work.folder / FACTS).write_text(json.dumps(facts))


def _carry(work: Work) -> None:
    drawing: Drawing = replace(work.inputs["drawing"], check=work.cancel.check)
    holes: list[bytes] = []

    def pictures() -> Iterator[RGB]:
        for picture, missing in _all_carried(drawing):
            holes.append(zlib.compress(np.packbits(missing > 0).tobytes(), 1))
            yield picture

    write_strip(work.folder, CARRIED, counted(pictures(), work, drawing.plan.frames))
    write_strip(work.folder, HOLES, (_unpacked(each, drawing.plan.size) for each in holes))


def _unpacked(bits: bytes, size: Size) -> NDArray[np.uint8]:
    """Holes as a mask, 0 or 255, from one bit for each pixel."""
    flags = np.unpackbits(np.frombuffer(zlib.decompress(bits), np.uint8), count=size.area_px)
    return flags.reshape(size.height_px, size.width_px) * np.uint8(255)


def _all_carried(drawing: Drawing) -> Iterator[tuple[RGB, NDArray[np.uint8]]]:
    """Every frame of the timeline as anchors show it, mid grey where none reaches; and where that is."""
    plan, index = drawing.plan, 0
    for led in drawing.led:
        span = led.structure.led(plan.rate)
        if any(anchor in span for anchor in plan.anchors):
            yield from (_alone(drawing, free) for free in range(index, span.start))
            yield from _carried_by(led, drawing)
            index = span.stop
    yield from (_alone(drawing, free) for free in range(index, plan.frames))


def _carried_by(led: Led, drawing: Drawing) -> Iterator[tuple[RGB, NDArray[np.uint8]]]:
    inside = {index: picture[led.framing.inside.slices] for index, picture in drawing.anchors.items()}
    for frame in CarriedAnchors(led, inside, drawing.check).frames():
        picture = frame.picture.copy()
        picture[frame.holes > 0] = NO_CONTROL
        yield led.framing.placed(picture, NO_CONTROL), led.framing.placed(frame.holes, FREE)


def _alone(drawing: Drawing, index: int) -> tuple[RGB, NDArray[np.uint8]]:
    """A frame to which no motion leads: its own anchor, or nothing."""
    size = drawing.plan.size
    shape = (size.height_px, size.width_px)
    if index in drawing.anchors:
        return drawing.anchors[index], np.zeros(shape, np.uint8)
    return np.full((*shape, 3), NO_CONTROL, np.uint8), np.full(shape, FREE, np.uint8)


def counted(pictures: Iterator[RGB], work: Work, total: int) -> Iterator[RGB]:
    """Pass pictures on, and report each."""
    for done, picture in enumerate(pictures, start=1):
        work.report(done, total)
        yield picture


def _write(work: Work) -> None:
    guide: Guide = work.inputs["guide"]
    span = Span(0, guide.plan.frames)
    encoding = Encoding(work.settings["encode.crf"], work.settings["encode.x264_preset"])

    def write(name: str, pictures: Iterator[NDArray[np.uint8]]) -> None:
        write_frames(work.folder / CLIPS[name], guide.plan, pictures, encoding, work.cancel.check)

    write(GUIDE, guide.pictures(span))
    write(MASK, (np.dstack([grey] * 3) for grey in guide.mask(span)))
    write(LED, prefetch(replace(work.inputs["led"], check=work.cancel.check).pictures()))
    if guide.carried is not None:
        write(CARRIED, guide.carried_pictures(span))


def write_frames(
    path: Path, plan: GuidePlan, pictures: Iterator[RGB], encoding: Encoding, check: Callable[[], None]
) -> None:
    """Write pictures as a clip of the size and rate of a plan; `check` is called for each, and raises to stop."""
    with ClipWriter(path, Shape.steady(plan.size, Fraction(plan.rate)), encoding) as writer:
        for index, picture in enumerate(pictures):
            check()
            writer.write(picture, index, 1)


ENCODING = ("encode.crf", "encode.x264_preset")
DRAW = Stage("guide", version=1, run=_draw, tools=("av", "numpy", "opencv-contrib-python"))
CARRY = Stage("carry", version=1, run=_carry, tools=("av", "numpy", "opencv-contrib-python"))
GUIDE_CLIPS = Stage("guide clips", version=1, run=_write, settings=ENCODING, tools=("av",))
