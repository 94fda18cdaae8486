"""Ground: the path of each frame over the ground near the subject's feet, as a cached stage.

Foot contacts, the correction of feet and the subject's own movement are measured in it.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from pipeline.see.analysis import Analysis
from pipeline.stage import Stage, Work
from utils.camera.ground import Feet, ground_path
from utils.camera.path import CameraPath
from utils.feet.contacts import smoothed_leg_px
from utils.people.pose import ANKLES, HEELS, TOES, Poses
from utils.store import Entry

GROUND_SHARE = 0.95
"""Where nobody's feet are known, the ground is looked for at this share of the picture's height."""


@dataclass(frozen=True)
class Ground:
    """The ground path of a clip, read from the cache."""

    entry: Entry

    @property
    def digest(self) -> str:
        return self.entry.digest

    @cached_property
    def path(self) -> CameraPath:
        """Homographies from each source frame to the ground near the feet; there is one picture for each shot."""
        return CameraPath.from_json(self.entry.read_bytes("ground.json").decode())


def _follow(work: Work) -> None:
    analysis: Analysis = work.inputs["analysis"]
    camera = analysis.camera
    path = ground_path(camera, analysis.background_points, _feet(analysis.sure_poses, camera))
    (work.folder / "ground.json").write_text(path.to_json())


def _feet(poses: Poses, camera: CameraPath) -> Feet:
    """Where the subject stands; interpolated where the feet are not known."""
    joints = poses.keypoints[:, (*ANKLES, *HEELS, *TOES)].astype(float)
    count = np.isfinite(joints[:, :, 0]).sum(axis=1)
    known = np.flatnonzero(count)
    if not len(known):
        somewhere = np.array([0.5, GROUND_SHARE]) * np.array(camera.size)
        return Feet(np.tile(somewhere, (len(poses), 1)), np.full(len(poses), camera.size.height_px / 4))
    mean = np.nansum(joints[known], axis=1) / count[known, None]
    middle = np.stack([np.interp(np.arange(len(poses)), known, mean[:, axis]) for axis in (0, 1)], axis=1)
    return Feet(middle, smoothed_leg_px(poses.leg_px().astype(float), camera.times_s()))


GROUND = Stage("ground", version=1, run=_follow, tools=("numpy", "scipy"))
