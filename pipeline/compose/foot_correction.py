"""Foot correction: generated feet are found in the generated pictures, and moved to where the source's feet stand.

Displacements are measured in the ground picture, where a planted foot lies still. The matrices that lead there are
named as in `compositor.py`.
"""

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
"""Of the picture's height, 1 px of 720: a foot that never has to be moved further stands well enough and is left."""


@dataclass(frozen=True)
class FootCorrection:
    """By how much each foot is moved in each frame, read from the cache.

    All zeros for an engine that leaves feet where the source has them: what would be measured there is noise.
    """

    entry: Entry
    stable: StablePicture

    @property
    def digest(self) -> str:
        return self.entry.digest

    @cached_property
    def moves_px(self) -> NDArray[np.float64]:
        """The displacement of each foot: n x 2 (left, right) x 2 px of the ground picture."""
        return np.array(self.entry.load_array("moves.npy"))

    @cached_property
    def facts(self) -> dict[str, Any]:
        """How far the feet slid before the correction, and how many contacts were left alone."""
        return dict(json.loads(self.entry.read_bytes("slides.json")))

    @cached_property
    def held(self) -> NDArray[np.float64]:
        """How firmly each foot is held, n x 2 (left, right): 1 while it stands, 0 while it swings, fading between."""
        return np.array(self.entry.load_array("held.npy"))

    def field(self, placed: PlacedFrame) -> LegField | None:
        """The displacement field that bends a generated picture so that its feet stand; None where they already do."""
        moves_px = self.moves_px[placed.index]
        if not moves_px.any():
            return None
        joints = _joints_in_crop(self.stable, placed.index, placed.box)
        crop_to_ground = self.stable.crop_to_ground(placed.index, placed.box)
        moves_in_crop_px = in_picture(moves_px, joints, crop_to_ground)
        return leg_field(joints, moves_in_crop_px, placed.box.size, self.held[placed.index].tolist())

    @property
    def events(self) -> list[Event]:
        refused = self.facts["refused"]
        if not refused or not self.facts["locked"]:
            return []
        steps = "1 contact was" if refused == 1 else f"{refused} contacts were"
        return [Event("feet", f"{steps} left alone: the foot slid further than foot_lock.limit_percent, or was lost.")]


class SlideMeter:
    """Measures how far planted feet slide in finished pictures; fed with every frame in order."""

    def __init__(self, stable: StablePicture, contacts: FootContacts, camera: ResultCamera) -> None:
        self._stable, self._camera = stable, camera
        self._tracker = FootTracker(contacts.all)

    def add(self, index: int, picture: RGB) -> None:
        """Take the next frame."""
        result_to_frame = self._camera.result_to_frame(index)
        joints = moved(inverse(result_to_frame), self._stable.joints.poses.keypoints[index].astype(float))
        frame_to_ground = self._stable.ground.path.matrices[index]
        self._tracker.add(index, picture, joints.astype(np.float32), frame_to_ground @ result_to_frame)

    def numbers(self) -> dict[str, Any]:
        """The slide of each contact and of all together, for JSON."""
        return _slide_numbers(self._tracker.offsets())


def _correct(work: Work) -> None:
    stable: StablePicture = work.inputs["stable"]
    frames: PersonFrames = work.inputs["frames"]
    followed = _extended(stable, work.inputs["contacts"])
    offsets = () if frames.keeps_feet else _offsets(stable, frames, tuple(followed), work)
    rule = CorrectionRule(
        work.settings["foot_lock.blend"],
        work.settings["foot_lock.limit_percent"] / 100,
        work.settings["foot_lock.extension_frames"],
    )
    found = corrections(offsets, len(stable.clip), rule)
    moves_px = _visible_moves(found.px, SLIGHT_SHARE * stable.clip.size.height_px * stable.ground.path.zooms)
    facts = {"locked": not frames.keeps_feet, "refused": len(found.refused)}
    planted = tuple(each.during(followed[each.contact]) for each in offsets)
    np.save(work.folder / "moves.npy", moves_px)
    np.save(work.folder / "held.npy", found.held)
    (work.folder / "slides.json").write_text(json.dumps(_slide_numbers(planted) | facts))


def _offsets(
    stable: StablePicture, frames: PersonFrames, contacts: tuple[Contact, ...], work: Work
) -> tuple[Offsets, ...]:
    """How far the generated feet slid, beyond what the same search finds in the source."""
    generated, source = FootTracker(contacts), FootTracker(contacts)
    poses, cameras = stable.joints.poses.keypoints, stable.ground.path.matrices
    count = len(stable.clip)
    for frame in ClipFrames.of(stable.clip):
        source.add(frame.index, frame.rgb, poses[frame.index], cameras[frame.index])
        work.report(frame.index + 1, 2 * count)
    for placed in frames:
        joints = _joints_in_crop(stable, placed.index, placed.box)
        generated.add(placed.index, placed.rgb, joints, stable.crop_to_ground(placed.index, placed.box))
        work.report(count + placed.index + 1, 2 * count)
    of_source = {offsets.contact: offsets for offsets in source.offsets()}
    return tuple(offsets.beyond(of_source[offsets.contact]) for offsets in generated.offsets())


def _extended(stable: StablePicture, contacts: FootContacts) -> dict[Contact, Contact]:
    """Each contact, extended to as long as its foot is tracked -> as it was found."""
    return dict(zip(extended(contacts.all, stable.camera.shots), contacts.all, strict=True))


def _visible_moves(moves_px: NDArray[np.float64], least_px: NDArray[np.float64]) -> NDArray[np.float64]:
    """The moves (n x 2 x 2) without the stretches in which none is large enough (n) to be seen."""
    visible_px = moves_px.copy()
    lengths_px = np.linalg.norm(moves_px, axis=2)
    for side in (0, 1):
        edges = np.flatnonzero(np.diff(np.concatenate([[0], lengths_px[:, side] > 0, [0]])))
        for start, stop in zip(edges[::2], edges[1::2], strict=True):
            if (lengths_px[start:stop, side] < least_px[start:stop]).all():
                visible_px[start:stop, side] = 0
    return visible_px


def _joints_in_crop(stable: StablePicture, index: int, box: Box) -> Keypoints:
    """The source's joints in px of a crop of the stable picture."""
    keypoints = stable.joints.poses.keypoints[index].astype(float)
    return np.asarray(moved(stable.frame_to_crop(index, box), keypoints), np.float32)


def _slide_numbers(offsets: tuple[Offsets, ...]) -> dict[str, Any]:
    """The slide of each contact and of all together, for JSON; None where nothing could be measured."""
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
    """A number rounded for JSON; None for NaN, which JSON does not have."""
    return round(value, 4) if np.isfinite(value) else None


CORRECT_FEET = Stage(
    "feet",
    version=2,
    run=_correct,
    settings=("foot_lock.blend", "foot_lock.limit_percent", "foot_lock.extension_frames"),
    tools=("numpy", "scipy", "opencv-contrib-python"),
)
