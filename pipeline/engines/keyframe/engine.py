"""The engine `keyframe`: people paint a few frames in any program, and it makes all frames between them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pipeline.engines.base import Caps, Cost, Lengths, Provenance, Readiness, Session, Tell
from pipeline.engines.device import processors
from utils.keyframes import MOST_WORKERS

if TYPE_CHECKING:
    from pipeline.engines.device import Device
    from utils.image import Size

_NS_PER_PIXEL = 9000.0
"""Processor time for a pixel of a window, of which the person takes a fifth to a third."""
_START_S = 2.0
_BYTES_PER_PIXEL = 260
_BYTES_PER_FRAME_PIXEL = 12


class Keyframe:
    """The engine; what it computes with is imported when a session makes its first window."""

    name = "keyframe"
    label = "Painted key frames (CPU, no model)"
    version = 1
    caps = Caps(
        kind="segment",
        lengths=Lengths(48, 240),
        references=0,
        given_frames=True,
        between_given=True,
        is_edit_of_source=True,
        keeps_feet=True,
        is_steady=True,
        keeps_outside=True,
    )
    settings = ("generate.apply_to",)
    opening = ()
    tools = ("numpy", "opencv-contrib-python", "numba")

    def models(self, settings: Mapping[str, Any]) -> Mapping[str, str]:
        """It uses no weights."""
        return {}

    def probe(self) -> Readiness:
        """Ready if its packages are installed."""
        from importlib.util import find_spec

        if missing := [name for name in ("cv2", "numba") if find_spec(name) is None]:
            return Readiness(False, f"The package {missing[0]!r} is missing.", "Run `make run`, which installs it.")
        return Readiness(True)

    def estimate(self, settings: Mapping[str, Any], size: Size, frames: int, device: Device) -> Cost:
        """It computes on processors whatever the device is, a frame on each of them."""
        pixels, workers = size.area_px, min(MOST_WORKERS, processors())
        seconds = _START_S + frames * pixels * _NS_PER_PIXEL * 1e-9 / workers
        held = min(frames, self.caps.lengths.preferred)
        return Cost(seconds, 200 + pixels * (workers * _BYTES_PER_PIXEL + held * _BYTES_PER_FRAME_PIXEL) / 1e6)

    def open(self, settings: Mapping[str, Any], device: Device, tell: Tell) -> Session:
        """Nothing is loaded."""
        from pipeline.engines.keyframe.session import KeyframeSession

        return KeyframeSession(Provenance(self.name, self.version, self.label, {}))


ENGINE = Keyframe()
