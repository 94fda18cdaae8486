"""Measures: the numbers of a result, taken from its finished pictures one after the other."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import cv2
import numpy as np

from pipeline.compose.composite import Composed
from pipeline.compose.result_camera import ResultCamera
from pipeline.plan.stable_picture import StablePicture, warped
from utils.camera.tracking import Mask
from utils.flow import Search, flow_pair
from utils.image import RGB, Box, Size
from utils.image.geometry import corners, inverse, moved, shift
from utils.image.metrics import Flicker, edit_magnitude, psnr_db, seam_ratio, warp_error, warp_ratio
from utils.media.timebase import Span
from utils.media.video import Frame

SHRINK = 2
"""Motion and change are measured at this part of the size."""
SURE = 250
"""Pixels of the matte that are the person's alone."""
ROUND_TRIPS = 12
EDIT_EVERY = 5
SEARCH = Search("fast", 1)


@dataclass
class _Small:
    """What is kept of a frame until the next one: source and result, of which parts are made small, and the matte."""

    pictures: tuple[RGB, RGB]
    matte: Mask

    def parts(self, box: Box) -> tuple[RGB, RGB]:
        """Source and result in a part of the small picture."""
        rows, columns = (slice(SHRINK * each.start, SHRINK * each.stop) for each in box.slices)
        source, result = (
            np.asarray(cv2.resize(each[rows, columns], box.size, interpolation=cv2.INTER_AREA))
            for each in self.pictures
        )
        return source, result


@dataclass
class Measures:
    """Fed with every frame in order; `told` at the end."""

    stable: StablePicture
    camera: ResultCamera
    hold: Span
    joins: Sequence[int]
    _last: _Small | None = None
    _errors: dict[str, list[float]] = field(default_factory=lambda: {"source": [], "result": []})
    _edits: list[float] = field(default_factory=list)
    _trips: list[float] = field(default_factory=list)
    _flicker: dict[str, Flicker] = field(default_factory=lambda: {"source": Flicker(), "result": Flicker()})

    def add(self, composed: Composed) -> None:
        """One frame."""
        frame, matte, result, placed = composed.source, composed.matte, composed.picture, composed.placed
        now = _small(frame.rgb, result, matte)
        self._add_motion(now, cut=frame.index in self.stable.camera.breaks)
        if placed is not None and frame.index % EDIT_EVERY == 0 and now.matte.any():
            x, y, width, height = cv2.boundingRect(now.matte)
            part = Box(x, y, x + width, y + height)
            source, changed = now.parts(part)
            self._edits.append(edit_magnitude(changed, source, now.matte[part.slices] > SURE))
        if frame.index in self.hold:
            self._add_hold(frame, matte, result)
        every = max(1, len(self.stable.clip) // ROUND_TRIPS)
        if placed is not None and frame.index % every == 0 and (matte > SURE).any():
            self._trips.append(self._round_trip(frame, matte, placed.box))
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
            (source, result), (source_before, result_before) = now.parts(box), before.parts(box)
            greys = [np.asarray(cv2.cvtColor(each, cv2.COLOR_RGB2GRAY)) for each in (source, source_before)]
            flow = flow_pair(greys[0], greys[1], (1, 0), SEARCH)[0]
            inside = now.matte[box.slices] > SURE
            values = (
                warp_error(source, source_before, flow, inside),
                warp_error(result, result_before, flow, inside),
            )
        for name, value in zip(("source", "result"), values, strict=True):
            self._errors[name].append(value)

    def _add_hold(self, frame: Frame, matte: Mask, result: RGB) -> None:
        """Frames of the hold on one another, small."""
        matrix = self.stable.camera.matrices[frame.index] @ self.camera.to_frame(frame.index)
        box = self._held
        into = shift(-box.left, -box.top) @ np.diag([1 / SHRINK, 1 / SHRINK, 1.0]) @ matrix
        still = np.asarray(cv2.warpPerspective(matte, into, box.size)) > SURE
        for name, picture in (("source", frame.rgb), ("result", result)):
            self._flicker[name].add(np.asarray(cv2.warpPerspective(picture, into, box.size)), still)

    @cached_property
    def _held(self) -> Box:
        """The part of the small background picture in which the person stands during the hold."""
        camera, boxes = self.stable.camera.matrices, self.stable.analysis.boxes
        places = [
            moved(camera[index], corners(box.size) + np.array([box.left, box.top])) / SHRINK
            for index in self.hold
            if (box := boxes[index])
        ]
        size = Size(*(side // SHRINK for side in self.stable.clip.size))
        whole = Box(0, 0, *size)
        if not places:
            return whole
        least, most = np.min(places, axis=(0, 1)), np.max(places, axis=(0, 1))
        (left, top), (right, bottom) = np.floor(least), np.ceil(most) + 1
        box = Box(int(left), int(top), int(right), int(bottom)).grown(2, size)
        return box if min(box.size) > 0 else whole

    def _round_trip(self, frame: Frame, matte: Mask, box: Box) -> float:
        """What stabilising and shaking again costs the person: PSNR in dB."""
        into = self.stable.into(frame.index, box) @ self.camera.to_frame(frame.index)
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
    size = Size(max(1, source.shape[1] // SHRINK), max(1, source.shape[0] // SHRINK))
    return _Small((source, result), np.asarray(cv2.resize(matte, size, interpolation=cv2.INTER_AREA)))


def _around(now: _Small, before: _Small | None) -> Box | None:
    """The part that shows the person in both; None when one of them does not."""
    if before is None or not now.matte.any() or not before.matte.any():
        return None
    x, y, width, height = cv2.boundingRect(cv2.max(now.matte, before.matte))
    within = Size.of(now.matte)
    box = Box(x, y, x + width, y + height).grown(16, within)
    return box if min(box.size) >= 16 else None


def _some(values: Sequence[float]) -> bool:
    return bool(np.isfinite(values).any())


def number(value: float) -> float | None:
    """For JSON, which has no NaN."""
    return round(float(value), 5) if np.isfinite(value) else None
