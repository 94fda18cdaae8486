"""Joints: the subject's joints, smoothed over time without blurring the moments in which a foot lands or lifts.

Those moments are found with the default contact rule, whatever the settings of the foot correction say: what an engine
sees must not depend on how its result is corrected later.
"""

from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from pipeline.see.analysis import Analysis
from pipeline.see.ground import Ground
from pipeline.stage import Stage, Work
from utils.feet.contacts import ContactRule, find_contacts
from utils.people.pose import HEELS, TOES, Keypoints, Poses
from utils.people.smoothing import smoothed
from utils.store import Entry

_JOINTS = {("left", "heel"): HEELS[0], ("right", "heel"): HEELS[1], ("left", "toe"): TOES[0], ("right", "toe"): TOES[1]}
"""The joint whose contact a foot and a part of it name."""


@dataclass(frozen=True)
class Joints:
    """The smoothed joints of a clip, read from the cache."""

    entry: Entry

    @property
    def digest(self) -> str:
        return self.entry.digest

    @cached_property
    def poses(self) -> Poses:
        """The joints of each frame, in px of the source frame."""
        joints = np.array(self.entry.load_array("poses.npy"))
        return Poses(joints[:, :, :2], joints[:, :, 2], np.isfinite(joints[:, :, 0]).any(axis=1))

    def at(self, frame: int) -> Keypoints:
        """The joints of a frame."""
        return np.asarray(self.poses.keypoints[frame])


def _smooth(work: Work) -> None:
    analysis: Analysis = work.inputs["analysis"]
    ground: Ground = work.inputs["ground"]
    times_s = analysis.camera.times_s()
    measured = analysis.sure_poses
    edges: dict[int, list[int]] = defaultdict(list)
    for contact in find_contacts(measured, ground.path, ContactRule()):
        edges[_JOINTS[contact.foot, contact.part]] += [contact.span.start, contact.span.stop]
    poses = smoothed(measured, times_s, analysis.camera.breaks, edges)
    np.save(work.folder / "poses.npy", np.concatenate([poses.keypoints, poses.confidence[:, :, None]], 2))


JOINTS = Stage("joints", version=2, run=_smooth, tools=("numpy", "scipy"))
