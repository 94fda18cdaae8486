"""Locking feet: the generated feet are found in the generated pictures, and held to where the source's feet stood."""

import json
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.compose.person_frames import Drawn, Generated
from pipeline.compose.result_camera import Reshake
from pipeline.plan.stable_view import Staging
from pipeline.stage import Stage, Work
from pipeline.types import Event
from utils.feet.contacts import Contact
from utils.feet.leg_warp import LegField, in_picture, leg_field
from utils.feet.lock import LockRule, corrections, prolonged
from utils.feet.slide import by_contact, slide
from utils.feet.track import FootTracker, Offsets
from utils.image import RGB, Box
from utils.image.geometry import inverse, moved
from utils.media.video import ClipFrames
from utils.people.pose import Keypoints
from utils.store import Entry

SLIGHT_SHARE = 0.0014
"""Of the picture's height, 1 px of 720: a foot that never has to be moved by more stands well enough, and is left."""


@dataclass(frozen=True)
class Lock:
    """By how much each foot is moved in each frame, read from the cache.

    An engine that leaves feet where the source has them needs none of it: what is measured there is noise.
    """

    entry: Entry
    staging: Staging

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

    def field(self, drawn: Drawn) -> LegField | None:
        """How a generated picture is bent so that its feet stay where they stand; None where they do."""
        moves = self.moves_px[drawn.index]
        if not moves.any():
            return None
        joints = _joints(self.staging, drawn.index, drawn.box)
        into = in_picture(moves, joints, self.staging.to_background(drawn.index, drawn.box))
        return leg_field(joints, into, drawn.box.size, self.held[drawn.index].tolist())

    @property
    def events(self) -> list[Event]:
        refused = self.told["refused"]
        if not refused or not self.told["locked"]:
            return []
        steps = "1 contact was" if refused == 1 else f"{refused} contacts were"
        return [Event("lock", f"{steps} left alone: the foot slid further than foot_lock.limit_percent, or was lost.")]


class Slides:
    """How far planted feet slide in finished pictures; fed with every frame in order."""

    def __init__(self, staging: Staging, reshake: Reshake) -> None:
        self._staging, self._reshake = staging, reshake
        self._tracker = FootTracker(staging.footing.contacts)

    def add(self, index: int, picture: RGB) -> None:
        """One frame."""
        to_frame = self._reshake.to_frame(index)
        joints = moved(inverse(to_frame), self._staging.footing.poses.keypoints[index].astype(float))
        camera = self._staging.seen.camera.matrices[index]
        self._tracker.add(index, picture, joints.astype(np.float32), camera @ to_frame)

    def told(self) -> dict[str, Any]:
        """Per contact and over all."""
        return _told(self._tracker.offsets())


def _lock(work: Work) -> None:
    staging: Staging = work.inputs["staging"]
    generated: Generated = work.inputs["generated"]
    offsets = () if generated.keeps_geometry else _slid(staging, generated, work)
    rule = LockRule(
        work.chosen["foot_lock.blend"],
        work.chosen["foot_lock.limit_percent"] / 100,
        work.chosen["foot_lock.extension_frames"],
    )
    found = corrections(offsets, len(staging.clip), rule)
    moves = _worth_it(found.px, SLIGHT_SHARE * staging.clip.size.height_px)
    told = {"locked": not generated.keeps_geometry, "refused": len(found.refused)}
    contacts = _followed(staging)
    planted = tuple(each.during(contacts[each.contact]) for each in offsets)
    np.save(work.folder / "moves.npy", moves)
    np.save(work.folder / "held.npy", found.held)
    (work.folder / "slides.json").write_text(json.dumps(_told(planted) | told))


def _slid(staging: Staging, generated: Generated, work: Work) -> tuple[Offsets, ...]:
    """How far the generated feet slid, beyond what the same search finds in the source."""
    contacts = tuple(_followed(staging))
    ours, theirs = FootTracker(contacts), FootTracker(contacts)
    poses, cameras = staging.footing.poses.keypoints, staging.seen.camera.matrices
    count = len(staging.clip)
    for frame in ClipFrames.of(staging.clip):
        theirs.add(frame.index, frame.rgb, poses[frame.index], cameras[frame.index])
        work.report(frame.index + 1, 2 * count)
    for drawn in generated:
        joints = _joints(staging, drawn.index, drawn.box)
        ours.add(drawn.index, drawn.rgb, joints, staging.to_background(drawn.index, drawn.box))
        work.report(count + drawn.index + 1, 2 * count)
    source = {each.contact: each for each in theirs.offsets()}
    return tuple(each.beyond(source[each.contact]) for each in ours.offsets())


def _followed(staging: Staging) -> dict[Contact, Contact]:
    """Contacts as long as their feet are followed, and as they were found."""
    found = staging.footing.contacts
    return dict(zip(prolonged(found, staging.seen.camera.shots), found, strict=True))


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


def _joints(staging: Staging, index: int, box: Box) -> Keypoints:
    """The source's joints in a crop of the stable picture."""
    there = moved(staging.into(index, box), staging.footing.poses.keypoints[index].astype(float))
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


LOCK = Stage(
    "lock",
    version=4,
    run=_lock,
    settings=("foot_lock.blend", "foot_lock.limit_percent", "foot_lock.extension_frames"),
    tools=("numpy", "scipy", "opencv-contrib-python"),
)
