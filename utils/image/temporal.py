"""Keeps generated frames from flickering: each takes over the look of the one before, along the source's motion.

What is carried is either the edit (generated minus source), so that each frame keeps its own fresh detail, or, for
engines that replace what was there, the picture. It is taken over only where both sources show the same surface; where
something comes into sight, only the slow change of colour that its neighbourhood shows is evened out.
"""

from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from utils.flow import Flow, Grey, Search, fetched, flow_one_way, flow_pair, grown
from utils.image import RGB, Box, Size, placed

Floats = NDArray[np.float32]
Mask = NDArray[np.uint8]

SHRINK = 2
"""Flow and trust are found at this part of the size."""
SAME_EDIT, SAME_PICTURE = 14.0, 8.0
"""Levels by which the same surface may differ between sources; twice as many is another one. A picture that is carried
shows such a difference, an edit hardly does."""
BROAD = 8
"""Broad changes of colour are found at this part of the size of the trust."""
BROAD_PX = 2.0
SURE = 0.02
"""Trusted share of a neighbourhood that is enough to say how its colour changed."""
FRESH_SHARE = 0.85
"""At least so much of what is wanted fresh is: the past then trails by a fifth of a frame."""
CUT_SHARE = 0.12
"""Where less of the picture than this is recognised, a new shot has begun."""
GRID = SHRINK * BROAD
"""Parts of a picture begin and end where pixels of its smallest form do."""


@dataclass(frozen=True)
class Steadiness:
    """How much is taken over (0..1), and over how many frames: broad colours over twice as many.

    `keeps_detail` is true of engines whose result is the source with something laid on, false of those that replace it.
    """

    strength: float = 0.8
    reanchor_frames: int = 12
    keeps_detail: bool = True


@dataclass
class _Look:
    """What is compared between two sources, small: h x w grey, h x w x 3 colour, h x w matte."""

    grey: Grey
    colour: RGB
    matte: Mask

    @classmethod
    def of(cls, source: RGB, matte: Mask) -> "_Look":
        size = Size(max(source.shape[1] // SHRINK, 1), max(source.shape[0] // SHRINK, 1))
        colour = cv2.resize(source, size, interpolation=cv2.INTER_AREA)
        return cls(
            cv2.cvtColor(colour, cv2.COLOR_RGB2GRAY), colour, cv2.resize(matte, size, interpolation=cv2.INTER_AREA)
        )


@dataclass
class _Memory:
    """The frame before, and in a part of it: what is carried on (full size), and how many frames that is made of.

    `within` is where it differs from what it was made of: everything, or somebody in the middle of that part.
    """

    source: RGB
    matte: Mask
    within: Box
    part: Box
    look: _Look
    carried: Floats
    ages: Floats
    frames: int

    def seen_in(self, part: Box) -> tuple[_Look, Floats, Floats]:
        """How another part of it looked, what is carried on there, and of how many frames; nothing where it was not."""
        if part == self.part:
            return self.look, self.carried, self.ages
        look = _Look.of(self.source[part.slices], self.matte[part.slices])
        small, there = (_small(each) for each in (self.part, part))
        return look, placed(self.carried, self.part, part), placed(self.ages, small, there)


@dataclass
class Consistency:
    """Takes the frames of a window in order, all in one crop of the stable picture: `carry` the past, then `next`."""

    steadiness: Steadiness = field(default_factory=Steadiness)
    search: Search = field(default_factory=lambda: Search("medium", 1))
    """At the small size."""
    _memory: _Memory | None = None

    def cut(self) -> None:
        """Forget what was seen: a new shot begins."""
        self._memory = None

    def carry(self, finished: RGB, source: RGB, matte: Mask) -> None:
        """Go on from a finished frame of the window before, the same as or the one before the frame that comes next."""
        whole, frames = Box(0, 0, *matte.shape[::-1]), self.steadiness.reanchor_frames
        ages = np.full(_small(whole).size[::-1], frames, np.float32)
        look = _Look.of(source, matte)
        self._memory = _Memory(source, matte, whole, whole, look, self._kept(finished, source), ages, frames)

    def next(
        self, generated: RGB, source: RGB, matte: Mask, fresh: Mask | None = None, within: Box | None = None
    ) -> RGB:
        """The next frame, steadied; h x w x 3 with the source and the matte (0..255) of the same frame.

        `fresh` (0..255) is where generated surfaces may not move as the source's do: the past, which comes along the
        source's motion, would trail behind them. `within` is the part outside of which nothing is changed or wanted.
        """
        whole = Box(0, 0, *matte.shape[::-1])
        within = whole if within is None else within
        if not all(within.size):
            self.cut()
            return generated
        part = _gridded(within | self._memory.within if self._memory else within, whole)
        cut = part.slices
        now = self._kept(generated[cut], source[cut])
        look = _Look.of(source[cut], matte[cut])
        history = self._history(look, part)
        if history is None:
            ages = np.ones(look.grey.shape, np.float32)
            self._memory = _Memory(source, matte, within, part, look, now, ages, 1)
            return generated
        most = self.steadiness.reanchor_frames
        carried = self._joined(history, now, None if fresh is None else fresh[cut])
        ages, frames = np.minimum(history.ages + 1, most), min(history.frames + 1, 2 * most)
        self._memory = _Memory(source, matte, within, part, look, carried, ages, frames)
        result = np.empty_like(generated) if part == whole else generated.copy()
        ground = source[cut] if self.steadiness.keeps_detail else 0
        result[cut] = cv2.add(carried, ground, dtype=cv2.CV_8U)
        return result

    def _history(self, look: _Look, part: Box) -> "_Past | None":
        """The frame before as this one sees it, in a part; None when there is none that shows the same."""
        if self._memory is None:
            return None
        before, carried, ages = self._memory.seen_in(part)
        flow = self._flow(look, before)
        trust = _trust(look, before, flow, self._same)
        if trust.mean() < CUT_SHARE:
            return None
        history = fetched(carried, grown(flow.vectors, part.size))
        ages = cv2.multiply(fetched(ages, flow.vectors), trust)
        return _Past(history, trust, ages, look.matte, self._memory.frames)

    def _flow(self, now: _Look, before: _Look) -> Flow:
        """Back to the frame before. Where colours are alike so are edits, and one way will do; pictures need not be."""
        find = flow_one_way if self.steadiness.keeps_detail else _checked
        return find(now.grey, before.grey, (1, 0), self.search)

    @property
    def _same(self) -> float:
        return SAME_EDIT if self.steadiness.keeps_detail else SAME_PICTURE

    def _kept(self, picture: RGB, source: RGB) -> Floats:
        """What is carried on from a frame."""
        if not self.steadiness.keeps_detail:
            return picture.astype(np.float32)
        edit: Floats = cv2.subtract(picture, source, dtype=cv2.CV_32F)
        return edit

    def _joined(self, past: "_Past", fresh: Floats, wanted: Mask | None) -> Floats:
        """Broad changes of colour are evened out everywhere, all others where the same surface is seen."""
        strength = self.steadiness.strength
        size = Size.of(fresh)
        share = strength * past.ages / (past.ages + 1)
        if wanted is not None:
            wish = cv2.resize(wanted, share.shape[::-1], interpolation=cv2.INTER_AREA).astype(np.float32) / 255
            share = np.minimum(share, 1 - FRESH_SHARE * np.minimum(2 * wish, 1))
        broad_share = min(strength ** (1 / 3), past.frames / (past.frames + 1))
        missing = np.maximum(broad_share - share, 0) / (1 - share)
        broad = cv2.resize(_broad(past, fresh), missing.shape[::-1], interpolation=cv2.INTER_LINEAR)
        broad = cv2.multiply(broad, cv2.merge([missing] * 3))
        evened = cv2.add(fresh, cv2.resize(broad, size, interpolation=cv2.INTER_LINEAR))
        share = cv2.resize(share, size, interpolation=cv2.INTER_LINEAR)
        result: Floats = cv2.blendLinear(past.carried, evened, share, 1 - share)
        return result


@dataclass
class _Past:
    """The frame before, seen from this one: what is carried on, h x w trust, ages in frames, this frame's matte."""

    carried: Floats
    trust: Floats
    ages: Floats
    matte: Mask
    frames: int


def _gridded(part: Box, whole: Box) -> Box:
    """Grown to the grid, as far as the picture goes."""
    left, top, right, bottom = part
    return Box(left // GRID * GRID, top // GRID * GRID, -(-right // GRID) * GRID, -(-bottom // GRID) * GRID) & whole


def _small(part: Box) -> Box:
    """A part of the grid, at the size at which flow and trust are found."""
    return Box(*(each // SHRINK for each in part))


def _checked(now: Grey, before: Grey, indices: tuple[int, int], search: Search) -> Flow:
    """Flow whose `valid` says that the same surface is seen in both."""
    return flow_pair(now, before, indices, search)[0]


def _trust(now: _Look, before: _Look, flow: Flow, same: float) -> Floats:
    """h x w, 0..1: how surely a pixel shows the surface that it is said to have come from."""
    red, green, blue = cv2.split(cv2.absdiff(fetched(before.colour, flow.vectors), now.colour))
    apart = cv2.max(cv2.max(red, green), blue).astype(np.float32)
    alike = np.clip(2 - cv2.GaussianBlur(apart, (0, 0), 0.7) / np.float32(same), 0, 1)
    crossed = cv2.absdiff(fetched(before.matte, flow.vectors), now.matte).astype(np.float32) / 255
    alike *= np.clip(1.5 - 3 * crossed, 0, 1) * flow.valid
    result: Floats = cv2.min(cv2.erode(alike, np.ones((3, 3))), cv2.GaussianBlur(alike, (0, 0), 1))
    return result


def _broad(past: _Past, fresh: Floats) -> Floats:
    """How colours changed on the whole, at a small size, apart for the person and for what is around them."""
    height, width = past.trust.shape
    size = Size(max(width // BROAD, 1), max(height // BROAD, 1))
    change = cv2.resize(cv2.subtract(past.carried, fresh), (width, height), interpolation=cv2.INTER_AREA)
    inside = past.matte.astype(np.float32) / 255
    result = np.zeros((size.height_px, size.width_px, 3), np.float32)
    for part in (inside, 1 - inside):
        weight = past.trust * part
        above = _blurred(cv2.multiply(change, cv2.merge([weight] * 3)), size)
        below = _blurred(weight, size) + np.float32(SURE)
        result += above / below[..., None] * cv2.resize(part, size, interpolation=cv2.INTER_AREA)[..., None]
    return result


def _blurred(values: Floats, size: Size) -> Floats:
    small = cv2.resize(values, size, interpolation=cv2.INTER_AREA)
    result: Floats = cv2.GaussianBlur(small, (0, 0), BROAD_PX)
    return result
