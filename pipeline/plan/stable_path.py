"""The stable path: the measured camera path, smoothed, as a cached stage."""

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np

from pipeline.stage import Stage, Work
from utils.camera.path import CameraPath
from utils.camera.stabilization import Smoothing, stabilise
from utils.image.geometry import steps_after
from utils.image.metrics import jerk_px
from utils.store import Entry


class TrackedCamera(Protocol):
    """A measured camera path with the digest of its content: an analysis, or a camera tracked alone."""

    @property
    def camera(self) -> CameraPath: ...

    @property
    def digest(self) -> str: ...


@dataclass(frozen=True)
class StablePath:
    """The smoothed camera path of a clip, read from the cache."""

    entry: Entry

    @property
    def digest(self) -> str:
        return self.entry.digest

    @cached_property
    def path(self) -> CameraPath:
        """The calm camera: homographies from each source frame to the stable picture."""
        return CameraPath.from_json(self.entry.read_bytes("stable.json").decode())


def _stabilise(work: Work) -> None:
    analysis: TrackedCamera = work.inputs["analysis"]
    smoothing = Smoothing(
        window_s=work.settings["stabilise.window_s"],
        strength=work.settings["stabilise.strength"],
        method=work.settings["stabilise.method"],
        model=work.settings["stabilise.model"],
    )
    (work.folder / "stable.json").write_text(stabilise(analysis.camera, smoothing).to_json())


STABILISE = Stage(
    "stabilise",
    version=3,
    run=_stabilise,
    settings=("stabilise.window_s", "stabilise.strength", "stabilise.method", "stabilise.model"),
    tools=("numpy", "scipy"),
)


def jerks_px(camera: CameraPath, stable: CameraPath) -> tuple[float, float]:
    """The mean jerk of a camera over its shots, in px of the frame: as it was filmed, and stabilized."""
    steady, shots = steps_after(camera.steps, stable.matrices), [slice(shot.start, shot.stop) for shot in camera.shots]
    before, after = ([jerk_px(steps[shot], camera.size) for shot in shots] for steps in (camera.steps, steady))
    return round(float(np.mean(before)), 5), round(float(np.mean(after)), 5)
