"""Measuring: the numbers of a result, taken from the finished pictures as they pass by on their way to the encoder."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np

from pipeline.generated import Drawn
from pipeline.reshake import Reshake
from pipeline.stable import Staging, warped
from utils.flow import Search, flow_pair
from utils.geometry import inverse, shift
from utils.image import RGB, Box, Size
from utils.metrics import Flicker, edit_magnitude, psnr_db, seam_ratio, warp_error, warp_ratio
from utils.timebase import Span
from utils.tracking import Mask
from utils.video import Frame

SHRINK = 2
"""Motion and change are measured at this part of the size."""
SURE = 250
"""Pixels of the matte that are the person's alone."""
ROUND_TRIPS = 12
EDIT_EVERY = 5
SEARCH = Search("fast", 1)


@dataclass
class _Small:
    """What is kept of a frame until the next one: source, result and matte, small."""

    source: RGB
    result: RGB
    grey: Mask
    matte: Mask


@dataclass
class Measures:
    """Fed with every frame in order; `told` at the end."""

    staging: Staging
    reshake: Reshake
    hold: Span
    joins: Sequence[int]
    _last: _Small | None = None
    _errors: dict[str, list[float]] = field(default_factory=lambda: {"source": [], "result": []})
    _edits: list[float] = field(default_factory=list)
    _trips: list[float] = field(default_factory=list)
    _flicker: dict[str, Flicker] = field(default_factory=lambda: {"source": Flicker(), "result": Flicker()})

    def add(self, frame: Frame, matte: Mask, result: RGB, drawn: Drawn | None) -> None:
        """One frame."""
        now = _small(frame.rgb, result, matte)
        self._add_motion(now, cut=frame.index in self.staging.seen.camera.breaks)
        if drawn is not None and frame.index % EDIT_EVERY == 0 and matte.any():
            x, y, width, height = cv2.boundingRect(now.matte)
            part = Box(x, y, x + width, y + height).slices
            self._edits.append(edit_magnitude(now.result[part], now.source[part], now.matte[part] > SURE))
        if frame.index in self.hold:
            self._add_hold(frame, matte, result)
        every = max(1, len(self.staging.clip) // ROUND_TRIPS)
        if drawn is not None and frame.index % every == 0 and (matte > SURE).any():
            self._trips.append(self._round_trip(frame, matte, drawn.box))
        self._last = now

    def told(self) -> dict[str, Any]:
        """As the report has them; None where there was nothing to measure."""
        return {
            "warp_error": self._steadiness(),
            "warp_errors": {name: [number(value) for value in values] for name, values in self._errors.items()},
            "flicker_hold": {name: number(each.level) for name, each in self._flicker.items()},
            "seam_ratio": number(self._seams()),
            "edit_magnitude": number(float(np.mean(self._edits))) if self._edits else None,
            "roundtrip_psnr": number(min(self._trips)) if self._trips else None,
        }

    def _add_motion(self, now: _Small, *, cut: bool) -> None:
        before, values = self._last, (float("nan"), float("nan"))
        box = _around(now, before)
        if before is not None and box is not None and not cut:
            part = box.slices
            flow = flow_pair(now.grey[part], before.grey[part], (1, 0), SEARCH)[0]
            inside = now.matte[part] > SURE
            values = (
                warp_error(now.source[part], before.source[part], flow, inside),
                warp_error(now.result[part], before.result[part], flow, inside),
            )
        for name, value in zip(("source", "result"), values, strict=True):
            self._errors[name].append(value)

    def _add_hold(self, frame: Frame, matte: Mask, result: RGB) -> None:
        """Frames of the hold on one another, small."""
        matrix = self.staging.seen.camera.matrices[frame.index] @ self.reshake.to_frame(frame.index)
        scale = np.diag([1 / SHRINK, 1 / SHRINK, 1.0])
        size = Size(frame.rgb.shape[1] // SHRINK, frame.rgb.shape[0] // SHRINK)
        still = np.asarray(cv2.warpPerspective(matte, scale @ matrix, size)) > SURE
        for name, picture in (("source", frame.rgb), ("result", result)):
            self._flicker[name].add(np.asarray(cv2.warpPerspective(picture, scale @ matrix, size)), still)

    def _round_trip(self, frame: Frame, matte: Mask, box: Box) -> float:
        """What stabilising and shaking again costs the person: PSNR in dB."""
        into = self.staging.into(frame.index, box) @ self.reshake.to_frame(frame.index)
        x, y, width, height = cv2.boundingRect(matte)
        part = Box(x, y, x + width, y + height)
        back = warped(warped(frame.rgb, into, box.size), shift(-x, -y) @ inverse(into), part.size)
        return min(psnr_db(back, frame.rgb[part.slices], matte[part.slices] > SURE), 99.0)

    def _steadiness(self) -> dict[str, float | None]:
        if not _some(self._errors["source"]):
            return {"source": None, "result": None, "ratio": None}
        means = {name: number(float(np.nanmean(values))) for name, values in self._errors.items()}
        return {**means, "ratio": number(warp_ratio(self._errors["result"], self._errors["source"]))}

    def _seams(self) -> float:
        """Against the source's own errors, so that a fast step at a join is not taken for a seam."""
        source, result = np.array(self._errors["source"]), np.array(self._errors["result"])
        with np.errstate(invalid="ignore", divide="ignore"):
            relative = np.where(source > 0, result / source, np.nan)
        known = [join for join in self.joins if np.isfinite(relative[join])]
        return seam_ratio(relative.tolist(), known) if known else float("nan")


def _small(source: RGB, result: RGB, matte: Mask) -> _Small:
    size = Size(max(16, source.shape[1] // SHRINK), max(16, source.shape[0] // SHRINK))
    pictures = [np.asarray(cv2.resize(each, size, interpolation=cv2.INTER_AREA)) for each in (source, result, matte)]
    return _Small(pictures[0], pictures[1], np.asarray(cv2.cvtColor(pictures[0], cv2.COLOR_RGB2GRAY)), pictures[2])


def _around(now: _Small, before: _Small | None) -> Box | None:
    """The part that shows the person in both; None when one of them does not."""
    if before is None or not now.matte.any() or not before.matte.any():
        return None
    x, y, width, height = cv2.boundingRect(cv2.max(now.matte, before.matte))
    within = Size(now.matte.shape[1], now.matte.shape[0])
    box = Box(x, y, x + width, y + height).grown(16, within)
    return box if min(box.size) >= 16 else None


def _some(values: Sequence[float]) -> bool:
    return bool(np.isfinite(values).any())


def number(value: float) -> float | None:
    """For JSON, which has no NaN."""
    return round(float(value), 5) if np.isfinite(value) else None
