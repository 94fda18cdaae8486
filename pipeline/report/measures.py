"""Measures: warp error, flicker, seams, edit magnitude, round trip and colour drift of a result."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.compose.composite import Composed
from pipeline.compose.person_frames import PersonFrames, shared
from pipeline.compose.result_camera import ResultCamera
from pipeline.plan.stable_picture import StablePicture, warped
from utils.camera.tracking import Mask
from utils.flow import Search, flow_checked
from utils.image import RGB, Box, Size, bounding_box
from utils.image.geometry import corners, inverse, moved, shift
from utils.image.metrics import Flicker, MeanColour, edit_magnitude, psnr_db, seam_ratio, warp_error, warp_ratio
from utils.media.timebase import Span
from utils.media.video import Frame

SHRINK = 2
"""Optical flow, warp error and flicker are measured in pictures reduced by this factor."""
SURE = 250
"""Pixels of the matte from this value on are the person's alone."""
ROUND_TRIPS = 12
"""Frames of the clip in which the round trip is measured."""
EDIT_EVERY = 5
"""The edit magnitude is measured in every fifth frame."""
SEARCH = Search("fast", 1)


@dataclass
class _Pair:
    """Source and result of one frame, with the reduced matte; kept until the next frame is compared with it."""

    pictures: tuple[RGB, RGB]
    matte: Mask

    def parts(self, box: Box) -> tuple[RGB, RGB]:
        """Source and result, reduced, in a box of the reduced picture."""
        rows, columns = (slice(SHRINK * part.start, SHRINK * part.stop) for part in box.slices)
        source, result = (
            np.asarray(cv2.resize(picture[rows, columns], box.size, interpolation=cv2.INTER_AREA))
            for picture in self.pictures
        )
        return source, result


@dataclass
class Measures:
    """Measures a result; fed with every frame in order, gives its `numbers` at the end."""

    stable: StablePicture
    camera: ResultCamera
    hold: Span
    joins: Sequence[int]
    _last: _Pair | None = None
    _errors: dict[str, list[float]] = field(default_factory=lambda: {"source": [], "result": []})
    _edits: list[float] = field(default_factory=list)
    _trips: list[float] = field(default_factory=list)
    _flicker: dict[str, Flicker] = field(default_factory=lambda: {"source": Flicker(), "result": Flicker()})

    def add(self, composed: Composed) -> None:
        """Measure the next frame."""
        frame, matte, result, placed = composed.source, composed.matte, composed.picture, composed.placed
        now = _pair(frame.rgb, result, matte)
        self._add_motion(now, cut=frame.index in self.stable.camera.breaks)
        if placed is not None and frame.index % EDIT_EVERY == 0 and (part := bounding_box(now.matte)):
            source, changed = now.parts(part)
            self._edits.append(edit_magnitude(changed, source, now.matte[part.slices] > SURE))
        if frame.index in self.stable.camera.place_starts:
            self._flicker = {name: flicker.over_a_gap() for name, flicker in self._flicker.items()}
        if frame.index in self.hold:
            self._add_hold(frame, matte, result)
        every = max(1, len(self.stable.clip) // ROUND_TRIPS)
        if placed is not None and frame.index % every == 0 and (matte > SURE).any():
            self._trips.append(self._round_trip(frame, matte, placed.box))
        self._last = now

    def numbers(self) -> dict[str, Any]:
        """The numbers, in the form of the report's JSON; None where there was nothing to measure."""
        return {
            "warp_error": self._steadiness(),
            "warp_errors": {name: [number(value) for value in values] for name, values in self._errors.items()},
            "flicker_hold": {name: number(flicker.level) for name, flicker in self._flicker.items()},
            "seam_ratio": number(self._seams()),
            "edit_magnitude": number(float(np.mean(self._edits))) if self._edits else None,
            "roundtrip_psnr": number(min(self._trips)) if self._trips else None,
        }

    def _add_motion(self, now: _Pair, *, cut: bool) -> None:
        """The warp error of source and result against the frame before, along the source's optical flow."""
        before, values = self._last, (float("nan"), float("nan"))
        box = _box_of_both(now, before)
        if before is not None and box is not None and not cut:
            (source, result), (source_before, result_before) = now.parts(box), before.parts(box)
            greys = [np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)) for picture in (source, source_before)]
            flow = flow_checked(greys[0], greys[1], (1, 0), SEARCH)
            inside = now.matte[box.slices] > SURE
            values = (
                warp_error(source, source_before, flow, inside),
                warp_error(result, result_before, flow, inside),
            )
        for name, value in zip(("source", "result"), values, strict=True):
            self._errors[name].append(value)

    def _add_hold(self, frame: Frame, matte: Mask, result: RGB) -> None:
        """Flicker of a frame of the hold, measured in the small background picture, where the place lies still."""
        result_to_background = self.stable.camera.matrices[frame.index] @ self.camera.result_to_frame(frame.index)
        box = self._held
        background_to_held = shift(-box.left, -box.top) @ np.diag([1 / SHRINK, 1 / SHRINK, 1.0])
        result_to_held = background_to_held @ result_to_background
        still = np.asarray(cv2.warpPerspective(matte, result_to_held, box.size)) > SURE
        for name, picture in (("source", frame.rgb), ("result", result)):
            self._flicker[name].add(np.asarray(cv2.warpPerspective(picture, result_to_held, box.size)), still)

    @cached_property
    def _held(self) -> Box:
        """The box of the reduced background picture in which the person stands during the hold."""
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
        """The PSNR in dB of the person after stabilizing and putting the shake back, without any edit."""
        result_to_crop = self.stable.frame_to_crop(frame.index, box) @ self.camera.result_to_frame(frame.index)
        part = bounding_box(matte)
        assert part, "nobody is measured"
        crop_to_part = shift(-part.left, -part.top) @ inverse(result_to_crop)
        back = warped(warped(frame.rgb, result_to_crop, box.size), crop_to_part, part.size)
        return min(psnr_db(back, frame.rgb[part.slices], matte[part.slices] > SURE), 99.0)

    def _steadiness(self) -> dict[str, float | None]:
        """The mean warp errors, and that of the result as a ratio of the source's."""
        if not _some(self._errors["source"]):
            return {"source": None, "result": None, "ratio": None}
        means = {name: number(float(np.nanmean(values))) for name, values in self._errors.items()}
        return {**means, "ratio": number(warp_ratio(self._errors["result"], self._errors["source"]))}

    def _seams(self) -> float:
        """The seam ratio of errors relative to the source's, so that a fast step at a join is not taken for a seam."""
        source, result = np.array(self._errors["source"]), np.array(self._errors["result"])
        with np.errstate(invalid="ignore", divide="ignore"):
            relative = np.where(source > 0, result / source, np.nan)
        known = [join for join in self.joins if np.isfinite(relative[join])]
        return seam_ratio(relative.tolist(), known) if known else float("nan")


def colour_drift(frames: PersonFrames, stable: StablePicture) -> float:
    """The largest distance, in Delta E, of any window's colours from the first one's; NaN with one window.

    The differences from each window to the next are added up, because they share no frames with the first one.
    """
    away, farthest = np.zeros(3), float("nan")
    for after in frames.windows[1:]:
        if after.plan.overlap:
            away = away + _colour_step(frames, stable, after.plan.index)
            farthest = float(np.nanmax([farthest, np.linalg.norm(away)]))
        else:
            away = np.zeros(3)
    return farthest


def _pair(source: RGB, result: RGB, matte: Mask) -> _Pair:
    size = Size(max(1, source.shape[1] // SHRINK), max(1, source.shape[0] // SHRINK))
    return _Pair((source, result), np.asarray(cv2.resize(matte, size, interpolation=cv2.INTER_AREA)))


def _box_of_both(now: _Pair, before: _Pair | None) -> Box | None:
    """The reduced box that shows the person in both frames; None when one of them shows nobody."""
    boxes = [bounding_box(each.matte) for each in (now, before) if each is not None]
    if len(boxes) < 2 or boxes[0] is None or boxes[1] is None:
        return None
    box = (boxes[0] | boxes[1]).grown(16, Size.of(now.matte))
    return box if min(box.size) >= 16 else None


def _colour_step(frames: PersonFrames, stable: StablePicture, index: int) -> NDArray[np.float64]:
    """The difference in Lab between a window's mean colour and that of the window before, in their shared frames."""
    colours = MeanColour(), MeanColour()
    for one, other in shared(frames.windows[index - 1], frames.windows[index]):
        (matte,) = stable.analysis.mattes([one.index])
        frame_to_crop = stable.frame_to_crop(one.index, one.box)
        inside = np.asarray(cv2.warpPerspective(matte, frame_to_crop, one.box.size, flags=cv2.INTER_LINEAR)) > SURE
        for colour, placed in zip(colours, (one, other), strict=True):
            colour.add(placed.rgb, inside)
    return np.nan_to_num(colours[1].value - colours[0].value)


def _some(values: Sequence[float]) -> bool:
    return bool(np.isfinite(values).any())


def number(value: float) -> float | None:
    """A number rounded for JSON; None for NaN, which JSON does not have."""
    return round(float(value), 5) if np.isfinite(value) else None
