"""The stable path: the measured camera path, smoothed, as a cached stage."""

from dataclasses import dataclass
from functools import cached_property

from pipeline.see.analysis import Analysis
from pipeline.stage import Stage, Work
from utils.camera.path import CameraPath
from utils.camera.stabilization import Smoothing, stabilise
from utils.store import Entry


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
    analysis: Analysis = work.inputs["analysis"]
    smoothing = Smoothing(
        window_s=work.settings["stabilise.window_s"],
        strength=work.settings["stabilise.strength"],
        method=work.settings["stabilise.method"],
        model=work.settings["stabilise.model"],
    )
    (work.folder / "stable.json").write_text(stabilise(analysis.camera, smoothing).to_json())


STABILISE = Stage(
    "stabilise",
    version=2,
    run=_stabilise,
    settings=("stabilise.window_s", "stabilise.strength", "stabilise.method", "stabilise.model"),
    tools=("numpy", "scipy"),
)
