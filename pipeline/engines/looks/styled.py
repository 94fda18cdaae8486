"""The look `picture`: takes on the colours and strokes of style pictures by a small network, held together in time.

The network works on a canvas, a reduced copy of the picture, where its result is averaged along the source's motion.
What it made is split into colour that follows the source's light, and texture; at full size, the detail that the canvas
is too small for stays the source's own.
"""

from collections.abc import Sequence
from functools import cached_property

import cv2
import numpy as np

from pipeline.engines.looks.contrast import limited_contrast
from pipeline.engines.looks.kernels import Bytes, Floats
from pipeline.engines.looks.nets import SIDE_PX, STYLE_PX, Nets
from pipeline.engines.looks.picture import Picture, blurred, brightness, bytes_of, denoised
from pipeline.engines.looks.styles import USUAL, shares, style_file
from pipeline.engines.looks.tone import TYPICAL_PX, Tone
from utils.flow import Search
from utils.image import Size
from utils.image.picture_file import read_picture
from utils.image.temporal import Consistency, Steadiness

_PERSON_PX = 400
"""The height of a typical person on the canvas; a stroke is some 15 px wide there."""
_SHARED_PX, _MOST_TILES = 64, 2
"""How far the network's tiles overlap, at least, and how many of them a canvas is wide or tall, at most."""
_STEADINESS = Steadiness(0.95, 32)
"""How strongly the canvas is averaged in time."""
_AROUND_PX = 6.0
"""Standard deviation of the neighbourhood in which colour follows light, on the canvas."""
_LEAST_VARIANCE, _MOST_GAIN = 0.002, 0.8
"""Of the light in a neighbourhood: what is noise rather than light, and by how much it is amplified at most."""
_TEXTURE = 0.8
"""The share of the network's texture that the result has."""
_CHROMA, _KEPT_LIGHT = (8, 30), (0.35, 0.85)
"""Mean chroma of style pictures (Lab), and the share of the source's own broad light that is kept for it: where a style
has hardly any colour, its light is what is seen of it."""
_DETAIL = 0.75
"""Gain of the source's light that is too fine for the canvas."""
_MOST_CONTRAST, _FREE_CONTRAST = 0.64, 10
"""Of the source's local contrast: the share that is left at most, and what is always left, in levels of 255."""
_LEAST_SHARE = 0.6
"""The smallest part of a style picture that a seed chooses."""


class Styled:
    """A look that takes after pictures, and goes on from the picture before."""

    def __init__(self, tone: Tone, seed: int) -> None:
        self._tone, self._seed, self._nets = tone, seed, Nets()
        self._pictures: Sequence[Bytes] = ()
        self._weights: tuple[float, ...] = ()
        self._over_time = Consistency(_STEADINESS, Search("medium", 1))

    def take_after(self, pictures: Sequence[Bytes], weights: tuple[float, ...]) -> None:
        """Paint in the style of these pictures, mixed by their weights, from the next picture on."""
        self._pictures, self._weights = pictures, weights
        for name in ("_parts", "_kept_light", "_code"):
            self.__dict__.pop(name, None)

    def restart(self) -> None:
        """Forget the pictures before, because the next one begins a window."""
        self._over_time.cut()

    def __call__(self, picture: Picture) -> Bytes:
        full = Size.of(picture.rgb)
        size = _canvas(full, self._tone.unit)
        canvas, shown = (cv2.resize(each, size, interpolation=cv2.INTER_AREA) for each in (picture.rgb, picture.shown))
        seen = np.asarray(canvas, np.float32) / 255
        calm = denoised(seen, radius=2, noise=0.012)
        made = self._over_time.next(bytes_of(self._made(calm)), np.asarray(canvas), np.asarray(shown))
        gain, base = _by_light(
            np.asarray(made, np.float32) / 255, brightness(calm), np.asarray(shown), self._kept_light
        )
        coarse = brightness(seen)
        broad, coarse = (_enlarged(each, full) for each in (gain * coarse[..., None] + base, coarse))
        detail = brightness(np.asarray(picture.rgb, np.float32) / 255) - coarse
        painted = bytes_of(np.asarray(broad + np.float32(_DETAIL) * detail[..., None], np.float32))
        return limited_contrast(painted, picture, _MOST_CONTRAST, _FREE_CONTRAST)

    @cached_property
    def _parts(self) -> list[Bytes]:
        """What is read of each style picture."""
        return [_part(picture, self._seed) for picture in self._pictures or [read_picture(style_file(USUAL))]]

    @cached_property
    def _kept_light(self) -> float:
        """How much of the source's broad light is kept, by how colourful the style is."""
        chromas = [_chroma(part) for part in self._parts]
        chroma = np.average(chromas, weights=shares(self._weights, len(chromas)))
        return float(np.interp(chroma, _CHROMA, _KEPT_LIGHT))

    @cached_property
    def _code(self) -> Floats:
        """The style as the network's 100 numbers, mixed of those of all pictures."""
        codes = [self._nets.code(part) for part in self._parts]
        return np.asarray(np.average(codes, axis=0, weights=shares(self._weights, len(codes))), np.float32)

    def _made(self, canvas: Floats) -> Floats:
        """What the network makes of a canvas: tile by tile, blended where they overlap."""
        size = Size.of(canvas)
        beside, below = (max(0, SIDE_PX - side) for side in size)
        padded = cv2.copyMakeBorder(canvas, 0, below, 0, beside, cv2.BORDER_REFLECT)
        total, weight = np.zeros_like(padded), np.zeros(padded.shape[:2], np.float32)
        for top in _starts(padded.shape[0]):
            for left in _starts(padded.shape[1]):
                tile = (slice(top, top + SIDE_PX), slice(left, left + SIDE_PX))
                total[tile] += self._nets.styled(np.ascontiguousarray(padded[tile]), self._code) * _FADE[..., None]
                weight[tile] += _FADE
        return np.asarray((total / weight[..., None])[: size.height_px, : size.width_px], np.float32)


def _canvas(size: Size, unit: float) -> Size:
    """The size of the canvas: a person has about _PERSON_PX, its short side fits a tile, its long side _MOST_TILES."""
    longest = SIDE_PX + (_MOST_TILES - 1) * (SIDE_PX - _SHARED_PX)
    return size.scaled(min(_PERSON_PX / (TYPICAL_PX * unit), SIDE_PX / min(size), longest / max(size)))


def _starts(length_px: int) -> list[int]:
    """Where the tiles along a side begin, evenly spread."""
    more = max(0, -(-(length_px - SIDE_PX) // (SIDE_PX - _SHARED_PX)))
    return [round(number * (length_px - SIDE_PX) / max(1, more)) for number in range(more + 1)]


def _by_light(made: Floats, light: Floats, shown: Bytes, kept_light: float) -> tuple[Floats, Floats]:
    """Gain and base (h x w x 3) such that gain * light + base is what was made, but for what makes it unsteady.

    A guided filter: in each neighbourhood the colour is a linear function of the light, with a limited slope; what
    that leaves over is texture. Neighbourhoods are weighted by what is shown.
    """
    weight = np.asarray(shown, np.float32) / 255 + np.float32(0.02)
    total = blurred(weight, _AROUND_PX)

    def mean(values: Floats) -> Floats:
        """The weighted mean around each pixel."""
        return blurred(values * _wide(weight, values), _AROUND_PX) / _wide(total, values)

    light_mean, made_mean = mean(light), mean(made)
    variance = mean(light * light) - light_mean * light_mean
    shared = mean(made * light[..., None]) - made_mean * light_mean[..., None]
    gain = np.clip(shared / (variance + np.float32(_LEAST_VARIANCE))[..., None], -_MOST_GAIN, _MOST_GAIN)
    texture = made - made_mean - gain * (light - light_mean)[..., None]
    lift = np.float32(kept_light) * (light_mean - brightness(made_mean))
    base = made_mean - gain * light_mean[..., None] + np.float32(_TEXTURE) * texture + lift[..., None]
    return np.asarray(gain, np.float32), np.asarray(base, np.float32)


def _enlarged(field: Floats, size: Size) -> Floats:
    return np.asarray(cv2.resize(field, size, interpolation=cv2.INTER_CUBIC), np.float32)


def _wide(field: Floats, like: Floats) -> Floats:
    """A field with as many channels as another one."""
    return field if like.ndim == 2 else field[..., None]


def _part(picture: Bytes, seed: int) -> Bytes:
    """What of a style picture is read: its middle square; another seed takes another part, turned and mirrored."""
    height_px, width_px = picture.shape[:2]
    side_px, at = min(height_px, width_px), np.array([0.5, 0.5])
    if seed:
        rng = np.random.default_rng(seed)
        side_px, at = max(1, round(side_px * rng.uniform(_LEAST_SHARE, 0.95))), rng.random(2)
    top, left = (np.array([height_px, width_px]) - side_px) * at
    square = picture[round(top) : round(top) + side_px, round(left) : round(left) + side_px]
    if seed:
        square = np.rot90(square, int(rng.integers(4)))
        square = square[:, :: int(rng.choice([-1, 1]))]
    kernel = cv2.INTER_AREA if side_px > STYLE_PX else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(np.ascontiguousarray(square), (STYLE_PX, STYLE_PX), interpolation=kernel))


def _chroma(picture: Bytes) -> float:
    """The mean distance of a picture's colours from grey, in Lab."""
    lab = cv2.cvtColor(np.asarray(picture, np.float32) / 255, cv2.COLOR_RGB2Lab)
    return float(np.linalg.norm(lab[..., 1:], axis=2).mean())


_RAMP = 1 - np.abs(np.linspace(-1, 1, SIDE_PX + 2, dtype=np.float32)[1:-1])
_FADE = np.minimum.outer(_RAMP, _RAMP)
"""The weight of each pixel of a tile, falling to its edges."""
