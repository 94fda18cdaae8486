"""Temporal consistency: removes flicker by blending each generated frame with the one before, warped by optical flow.

What is blended is the edit (generated minus source), so that each frame keeps its own fresh detail, or, for engines
that replace the source, the picture itself. Blending happens only where both sources show the same surface. Where a
surface is new, only the low-frequency change of colour in its neighbourhood is evened out.
"""

from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from utils.flow import Flow, Grey, Search, fetched, flow_checked, flow_one_way, scaled
from utils.image import RGB, Box, Size, placed

Floats = NDArray[np.float32]
Mask = NDArray[np.uint8]

REDUCTION = 2
"""Flow and trust are computed at the picture's size divided by this."""
SAME_EDIT, SAME_PICTURE = 14.0, 8.0
"""Levels by which two sources may differ and still show the same surface; twice as many is another surface. Stricter
when pictures are carried, because they show such a difference, while an edit hardly does."""
CROSSED = 0.4, 0.8
"""Changes of the matte, of 1, up to which a pixel counts as before, and from which on the person came or left."""
LOW_FREQUENCY_REDUCTION = 8
"""Low-frequency colour changes are computed at the size of the trust divided by this."""
LOW_FREQUENCY_BLUR_PX = 2.0
"""Standard deviation of the Gaussian that smooths them, at that size."""
MIN_TRUSTED_SHARE = 0.02
"""Trusted share of a neighbourhood from which on its colour change is known."""
FRESH_SHARE = 0.85
"""Least share of the new frame where `fresh` asks for it; the mean delay is then 0.15 / 0.85 = 0.18 frames."""
CUT_SHARE = 0.12
"""When the trust in a pixel and its neighbours, averaged over the picture, is below this, a new shot has begun."""
_NEIGHBOURS = np.ones((3, 3), np.uint8)
GRID = REDUCTION * LOW_FREQUENCY_REDUCTION
"""Boxes are aligned to multiples of this, so that their edges fall on pixels at the smallest size."""


@dataclass(frozen=True)
class Steadiness:
    """Strength of the blending (0..1) and the number of frames averaged; low-frequency colour uses twice as many.

    `keeps_detail` is true for engines that lay their edit over the source, false for those that replace it.
    """

    strength: float = 0.8
    reanchor_frames: int = 12
    keeps_detail: bool = True


@dataclass
class _Reduced:
    """Reduced source frame for comparison: h x w grey, h x w x 3 colour, h x w matte."""

    grey: Grey
    colour: RGB
    matte: Mask

    @classmethod
    def of(cls, source: RGB, matte: Mask) -> "_Reduced":
        size = Size(max(source.shape[1] // REDUCTION, 1), max(source.shape[0] // REDUCTION, 1))
        colour = cv2.resize(source, size, interpolation=cv2.INTER_AREA)
        return cls(
            cv2.cvtColor(colour, cv2.COLOR_RGB2GRAY), colour, cv2.resize(matte, size, interpolation=cv2.INTER_AREA)
        )


@dataclass
class _Memory:
    """The frame before; for its box `part` the carried values (full size) and their ages (frames averaged per pixel).

    `within` is the box in which the frame differs from its source: the whole picture, or a person inside `part`.
    """

    source: RGB
    matte: Mask
    within: Box
    part: Box
    reduced: _Reduced
    carried: Floats
    ages: Floats
    frames: int

    def seen_in(self, part: Box) -> tuple[_Reduced, Floats, Floats]:
        """Reduced source, carried values and ages for another box; zero outside of `part`."""
        if part == self.part:
            return self.reduced, self.carried, self.ages
        reduced = _Reduced.of(self.source[part.slices], self.matte[part.slices])
        small, there = (_reduced_box(each) for each in (self.part, part))
        return reduced, placed(self.carried, self.part, part), placed(self.ages, small, there)


@dataclass
class Consistency:
    """Filters the frames of a window in order, all in one crop of the stable picture.

    Call `carry` to continue from a window before, then `next` for each frame.
    """

    steadiness: Steadiness = field(default_factory=Steadiness)
    search: Search = field(default_factory=lambda: Search("medium", 1))
    """How flow is computed, at the reduced size."""
    _memory: _Memory | None = None

    def cut(self) -> None:
        """Drop the frame before, because a new shot begins."""
        self._memory = None

    def carry(self, finished: RGB, source: RGB, matte: Mask) -> None:
        """Continue from a finished frame of the window before: the frame that comes next, or the one before it."""
        whole, frames = Box.of(matte), self.steadiness.reanchor_frames
        ages = np.full(_reduced_box(whole).size[::-1], frames, np.float32)
        reduced = _Reduced.of(source, matte)
        carried = self._carried_values(finished, source)
        self._memory = _Memory(source, matte, whole, whole, reduced, carried, ages, frames)

    def next(
        self, generated: RGB, source: RGB, matte: Mask, fresh: Mask | None = None, within: Box | None = None
    ) -> RGB:
        """The next frame (h x w x 3), filtered; `source` and `matte` (0..255) are of the same frame.

        `fresh` (0..255) marks where generated surfaces may move differently from the source's: the past, warped by the
        source's motion, would trail behind them. Nothing is changed outside the box `within`.
        """
        whole = Box.of(matte)
        within = whole if within is None else within
        if not all(within.size):
            self.cut()
            return generated
        part = _aligned_to_grid(within | self._memory.within if self._memory else within, whole)
        cut = part.slices
        now = self._carried_values(generated[cut], source[cut])
        reduced = _Reduced.of(source[cut], matte[cut])
        history = self._history(reduced, part)
        if history is None:
            ages = np.ones(reduced.grey.shape, np.float32)
            self._memory = _Memory(source, matte, within, part, reduced, now, ages, 1)
            return generated
        most = self.steadiness.reanchor_frames
        carried = self._blended(history, now, None if fresh is None else fresh[cut])
        ages, frames = np.minimum(history.ages + 1, most), min(history.frames + 1, 2 * most)
        self._memory = _Memory(source, matte, within, part, reduced, carried, ages, frames)
        result = np.empty_like(generated) if part == whole else generated.copy()
        ground = source[cut] if self.steadiness.keeps_detail else 0
        result[cut] = cv2.add(carried, ground, dtype=cv2.CV_8U)
        return result

    def _history(self, reduced: _Reduced, part: Box) -> "_WarpedPast | None":
        """The frame before, warped to this one inside a box; None when there is none or it shows another shot."""
        if self._memory is None:
            return None
        before, carried, ages = self._memory.seen_in(part)
        flow = self._flow(reduced, before)
        trust = self._trust(reduced, before, flow)
        if cv2.erode(trust, _NEIGHBOURS).mean() < CUT_SHARE:
            return None
        history = fetched(carried, scaled(flow.vectors, part.size))
        ages = cv2.multiply(fetched(ages, flow.vectors), trust)
        return _WarpedPast(history, trust, ages, reduced.matte, self._memory.frames)

    def _flow(self, now: _Reduced, before: _Reduced) -> Flow:
        """Flow to the frame before; edits need one direction only (equal colours have equal edits), pictures both."""
        find = flow_one_way if self.steadiness.keeps_detail else flow_checked
        return find(now.grey, before.grey, (1, 0), self.search)

    def _trust(self, now: _Reduced, before: _Reduced, flow: Flow) -> Floats:
        """How surely each pixel shows the same surface as before.

        Where pictures are carried, its matte and its neighbours must be as before, too. An edit hardly shows that it
        was carried from next to its place, and a matte that flickers where nothing else changes must not make it
        flicker.
        """
        if self.steadiness.keeps_detail:
            return _trust(now, before, flow, SAME_EDIT)
        trust = _trust(now, before, flow, SAME_PICTURE) * _stayed(now, before, flow)
        return np.asarray(cv2.min(cv2.erode(trust, _NEIGHBOURS), cv2.GaussianBlur(trust, (0, 0), 1)))

    def _carried_values(self, picture: RGB, source: RGB) -> Floats:
        """The values that are carried from a frame: the edit, or the picture."""
        if not self.steadiness.keeps_detail:
            return picture.astype(np.float32)
        edit: Floats = cv2.subtract(picture, source, dtype=cv2.CV_32F)
        return edit

    def _blended(self, past: "_WarpedPast", fresh: Floats, fresh_mask: Mask | None) -> Floats:
        """Blend past and new values: low-frequency colour everywhere, all detail where the same surface is seen."""
        strength = self.steadiness.strength
        size = Size.of(fresh)
        share = strength * past.ages / (past.ages + 1)
        if fresh_mask is not None:
            freshness = cv2.resize(fresh_mask, Size.of(share), interpolation=cv2.INTER_AREA).astype(np.float32) / 255
            share = np.minimum(share, 1 - FRESH_SHARE * np.minimum(2 * freshness, 1))
        broad_share = min(strength ** (1 / 3), past.frames / (past.frames + 1))
        broad_weight = np.maximum(broad_share - share, 0) / (1 - share)
        broad = cv2.resize(_low_frequency_change(past, fresh), Size.of(broad_weight), interpolation=cv2.INTER_LINEAR)
        broad = cv2.multiply(broad, cv2.merge([broad_weight] * 3))
        evened = cv2.add(fresh, cv2.resize(broad, size, interpolation=cv2.INTER_LINEAR))
        share = cv2.resize(share, size, interpolation=cv2.INTER_LINEAR)
        result: Floats = cv2.blendLinear(past.carried, evened, share, 1 - share)
        return result


@dataclass
class _WarpedPast:
    """The frame before, warped to this one: carried values, h x w trust, ages in frames; and this frame's matte."""

    carried: Floats
    trust: Floats
    ages: Floats
    matte: Mask
    frames: int


def _aligned_to_grid(part: Box, whole: Box) -> Box:
    """The box enlarged to multiples of GRID, within the picture."""
    left, top, right, bottom = part
    return Box(left // GRID * GRID, top // GRID * GRID, -(-right // GRID) * GRID, -(-bottom // GRID) * GRID) & whole


def _reduced_box(part: Box) -> Box:
    """A box of the grid at the reduced size."""
    return Box(*(each // REDUCTION for each in part))


def _trust(now: _Reduced, before: _Reduced, flow: Flow, same: float) -> Floats:
    """Trust (h x w, 0..1): how surely a pixel shows the same surface as the pixel that its flow leads to."""
    red, green, blue = cv2.split(cv2.absdiff(fetched(before.colour, flow.vectors), now.colour))
    difference = cv2.max(cv2.max(red, green), blue).astype(np.float32)
    trust: Floats = np.clip(2 - cv2.GaussianBlur(difference, (0, 0), 0.7) / np.float32(same), 0, 1)
    trust *= flow.valid
    return trust


def _stayed(now: _Reduced, before: _Reduced, flow: Flow) -> Floats:
    """How surely (h x w, 0..1) a pixel of the person belonged to the person before, and one beside them did not."""
    crossed = cv2.absdiff(fetched(before.matte, flow.vectors), now.matte).astype(np.float32) / 255
    stayed, left = CROSSED
    result: Floats = np.clip((left - crossed) / (left - stayed), 0, 1)
    return result


def _low_frequency_change(past: _WarpedPast, fresh: Floats) -> Floats:
    """Low-frequency colour change at a small size, computed separately for the person and the background."""
    height, width = past.trust.shape
    size = Size(max(width // LOW_FREQUENCY_REDUCTION, 1), max(height // LOW_FREQUENCY_REDUCTION, 1))
    change = cv2.resize(cv2.subtract(past.carried, fresh), (width, height), interpolation=cv2.INTER_AREA)
    inside = past.matte.astype(np.float32) / 255
    result = np.zeros((size.height_px, size.width_px, 3), np.float32)
    for part in (inside, 1 - inside):
        weight = past.trust * part
        above = _blurred(cv2.multiply(change, cv2.merge([weight] * 3)), size)
        below = _blurred(weight, size) + np.float32(MIN_TRUSTED_SHARE)
        result += above / below[..., None] * cv2.resize(part, size, interpolation=cv2.INTER_AREA)[..., None]
    return result


def _blurred(values: Floats, size: Size) -> Floats:
    small = cv2.resize(values, size, interpolation=cv2.INTER_AREA)
    result: Floats = cv2.GaussianBlur(small, (0, 0), LOW_FREQUENCY_BLUR_PX)
    return result
