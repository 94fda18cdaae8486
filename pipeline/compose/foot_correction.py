"""Foot correction: generated feet are found in the generated pictures, and moved to where the source's feet stand."""

import json
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.compose.person_frames import PersonFrames, PlacedFrame
from pipeline.compose.result_camera import ResultCamera
from pipeline.plan.stable_picture import StablePicture
from pipeline.see.foot_contacts import FootContacts
from pipeline.stage import Stage, Work
from pipeline.types import Event
from utils.feet.contacts import Contact
from utils.feet.leg_warp import LegField, in_picture, leg_field
from utils.feet.sliding import CorrectionRule, by_contact, corrections, extended, slide
from utils.feet.track import FootTracker, Offsets
from utils.image import RGB, Box
from utils.image.geometry import inverse, moved
from utils.media.video import ClipFrames
from utils.people.pose import Keypoints
from utils.store import Entry

SLIGHT_SHARE = 0.0014
"""Of the picture's height, 1 px of 720: a foot that never has to be moved by more stands well enough, and is left."""


@dataclass(frozen=True)
class FootCorrection:
    """By how much each foot is moved in each frame, read from the cache.

    An engine that leaves feet where the source has them needs none of it: what is measured there is noise.
    """

    entry: Entry
    stable: StablePicture

    @property
    def digest(self) -> str:
        return self.entry.digest

    @cached_property
    def moves_px(self) -> NDArray[np.float64]:
        """n x 2 (left, right) x 2 px of the background picture."""
        return np.array(self.entry.load_array("moves.npy"))

    @cached_property
    def told(self) -> dict[str, Any]:
        """How far the feet slid before, and what was left alone."""
        return dict(json.loads(self.entry.read_bytes("slides.json")))

    @cached_property
    def held(self) -> NDArray[np.float64]:
        """n x 2 (left, right): 1 while a foot stands, 0 while it swings, in between where its move fades."""
        return np.array(self.entry.load_array("held.npy"))

    def field(self, placed: PlacedFrame) -> LegField | None:
        """How a generated picture is bent so that its feet stay where they stand; None where they do."""
        moves = self.moves_px[placed.index]
        if not moves.any():
            return None
        joints = _joints(self.stable, placed.index, placed.box)
        into = in_picture(moves, joints, self.stable.to_background(placed.index, placed.box))
        return leg_field(joints, into, placed.box.size, self.held[placed.index].tolist())

    @property
    def events(self) -> list[Event]:
        refused = self.told["refused"]
        if not refused or not self.told["locked"]:
            return []
        steps = "1 contact was" if refused == 1 else f"{refused} contacts were"
        return [Event("feet", f"{steps} left alone: the foot slid further than foot_lock.limit_percent, or was lost.")]


class Slides:
    """How far planted feet slide in finished pictures; fed with every frame in order."""

    def __init__(self, stable: StablePicture, contacts: FootContacts, camera: ResultCamera) -> None:
        self._stable, self._camera = stable, camera
        self._tracker = FootTracker(contacts.all)

    def add(self, index: int, picture: RGB) -> None:
        """One frame."""
        to_frame = self._camera.to_frame(index)
        joints = moved(inverse(to_frame), self._stable.joints.poses.keypoints[index].astype(float))
        camera = self._stable.camera.matrices[index]
        self._tracker.add(index, picture, joints.astype(np.float32), camera @ to_frame)

    def told(self) -> dict[str, Any]:
        """Per contact and over all."""
        return _told(self._tracker.offsets())


def _correct(work: Work) -> None:
    stable: StablePicture = work.inputs["stable"]
    frames: PersonFrames = work.inputs["frames"]
    followed = _followed(stable, work.inputs["contacts"])
    offsets = () if frames.keeps_feet else _slid(stable, frames, tuple(followed), work)
    rule = CorrectionRule(
        work.settings["foot_lock.blend"],
        work.settings["foot_lock.limit_percent"] / 100,
        work.settings["foot_lock.extension_frames"],
    )
    found = corrections(offsets, len(stable.clip), rule)
    moves = _worth_it(found.px, SLIGHT_SHARE * stable.clip.size.height_px)
    told = {"locked": not frames.keeps_feet, "refused": len(found.refused)}
    planted = tuple(each.during(followed[each.contact]) for each in offsets)
    np.save(work.folder / "moves.npy", moves)
    np.save(work.folder / "held.npy", found.held)
    (work.folder / "slides.json").write_text(json.dumps(_told(planted) | told))


def _slid(
    stable: StablePicture, frames: PersonFrames, contacts: tuple[Contact, ...], work: Work
) -> tuple[Offsets, ...]:
    """How far the generated feet slid, beyond what the same search finds in the source."""
    ours, theirs = FootTracker(contacts), FootTracker(contacts)
    poses, cameras = stable.joints.poses.keypoints, stable.camera.matrices
    count = len(stable.clip)
    for frame in ClipFrames.of(stable.clip):
        theirs.add(frame.index, frame.rgb, poses[frame.index], cameras[frame.index])
        work.report(frame.index + 1, 2 * count)
    for placed in frames:
        joints = _joints(stable, placed.index, placed.box)
        ours.add(placed.index, placed.rgb, joints, stable.to_background(placed.index, placed.box))
        work.report(count + placed.index + 1, 2 * count)
    source = {each.contact: each for each in theirs.offsets()}
    return tuple(each.beyond(source[each.contact]) for each in ours.offsets())


def _followed(stable: StablePicture, contacts: FootContacts) -> dict[Contact, Contact]:
    """Contacts as long as their feet are followed, and as they were found."""
    return dict(zip(extended(contacts.all, stable.camera.shots), contacts.all, strict=True))


def _worth_it(moves_px: NDArray[np.float64], least_px: float) -> NDArray[np.float64]:
    """The moves (n x 2 x 2) without those stretches in which none is large enough to be seen."""
    kept = moves_px.copy()
    ways = np.linalg.norm(moves_px, axis=2)
    for side in (0, 1):
        edges = np.flatnonzero(np.diff(np.concatenate([[0], ways[:, side] > 0, [0]])))
        for start, stop in zip(edges[::2], edges[1::2], strict=True):
            if ways[start:stop, side].max() < least_px:
                kept[start:stop, side] = 0
    return kept


def _joints(stable: StablePicture, index: int, box: Box) -> Keypoints:
    """The source's joints in a crop of the stable picture."""
    there = moved(stable.into(index, box), stable.joints.poses.keypoints[index].astype(float))
    return np.asarray(there, np.float32)


def _told(offsets: tuple[Offsets, ...]) -> dict[str, Any]:
    whole = slide(offsets)
    contacts = [
        {
            "foot": each.foot,
            "part": each.part,
            "start": each.span.start,
            "stop": each.span.stop,
            "px": _number(own.mean_px),
        }
        for each, own in by_contact(offsets)
    ]
    return {
        "mean": _number(whole.mean_px),
        "p95": _number(whole.p95_px),
        "leg_percent": _number(whole.mean_leg_percent),
        "found_frames": whole.found_frames,
        "contact_frames": whole.contact_frames,
        "contacts": contacts,
    }


def _number(value: float) -> float | None:
    """For JSON, which has no NaN."""
    return round(value, 4) if np.isfinite(value) else None


CORRECT_FEET = Stage(
    "feet",
    version=1,
    run=_correct,
    settings=("foot_lock.blend", "foot_lock.limit_percent", "foot_lock.extension_frames"),
    tools=("numpy", "scipy", "opencv-contrib-python"),
)
