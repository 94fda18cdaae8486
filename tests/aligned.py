"""Pairs of clips whose alignment is known: both are filmed of one scene that moves continuously in time."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cached_property
from itertools import chain
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from tests.panned import texture
from utils.digest import digest_bytes
from utils.image import RGB, Size
from utils.media.clip import Clip
from utils.media.clip_part import part_of
from utils.media.intake import probe
from utils.media.timebase import Span
from utils.media.video import ClipFrames
from utils.media.write import ClipWriter, Encoding, Shape

Times = NDArray[np.float64]
Change = Callable[[RGB, int], RGB]
"""What is done to each picture of the foreground clip: a filter, a subtitle."""
Part = tuple[int, int, int, int]
"""Left, top, width and height."""

SIZE = Size(320, 180)


@dataclass(frozen=True)
class Scene:
    """A textured plane under a camera that pans in a curve, before which some patches go round and turn."""

    size: Size = SIZE
    seed: int = 0
    pan_px: float = 30.0
    patches: int = 4
    turning: float = 1.0
    """How quickly patches move; 0 holds them still."""
    stop_s: tuple[float, float] | None = None
    """A stretch of time in which nothing moves."""
    period_s: float | None = None
    """After which everything is again where it was."""
    take: int = 0
    """Another take: the same place and the same things, which move, as the camera does, in another way."""
    patch_share: float = 1 / 8
    """The side of a patch, as a share of the picture's width."""

    @cached_property
    def _plane(self) -> RGB:
        return texture(Size(*(int(side + 2 * self.pan_px + 40) for side in self.size)), self.seed)

    @cached_property
    def _patches(self) -> list[RGB]:
        side_px = int(self.patch_share * self.size.width_px)
        return [texture(Size(side_px, side_px), self.seed + 7 + n) for n in range(self.patches)]

    def clock(self, time_s: float) -> float:
        """The scene's own time, which stands while it stands."""
        if self.stop_s and time_s > self.stop_s[0]:
            time_s = max(self.stop_s[0], time_s - (self.stop_s[1] - self.stop_s[0]))
        return time_s % self.period_s if self.period_s else time_s

    def picture(self, time_s: float) -> RGB:
        """What the whole picture shows at a time."""
        t, round_ = self.clock(time_s), 2 * np.pi / (self.period_s or 6.0)
        quick = (1.0, 2.0) if self.period_s else (0.7 + 0.17 * self.take, 1.3 - 0.23 * self.take)
        across, down = (
            share * self.pan_px * np.sin(each * round_ * t + 2.0 * self.take)
            for share, each in zip((1.0, 0.4), quick, strict=True)
        )
        place = np.array([[1, 0, -(self.pan_px + 20 + across)], [0, 1, -(self.pan_px + 20 + down)]])
        picture = cv2.warpAffine(self._plane, place, self.size, flags=cv2.INTER_CUBIC)
        for number, patch in enumerate(self._patches):
            self._lay(picture, patch, number, self.turning * (1 + 0.3 * self.take) * round_ * t + 2.5 * self.take)
        return np.asarray(picture, np.uint8)

    def away(self, moments: Times, truth: Times, rate: float) -> Times:
        """How far moments are from the nearest that shows the same, in frames at this rate."""
        off = np.abs(moments - truth)
        if self.period_s:
            frames = self.period_s * rate
            off = np.abs((moments - truth + frames / 2) % frames - frames / 2)
        if self.stop_s:
            low, high = (each * rate for each in self.stop_s)
            inside = (truth >= low) & (truth <= high)
            off = np.where(inside, np.maximum(0, np.maximum(low - moments, moments - high)), off)
        return np.asarray(off)

    def _lay(self, picture: RGB, patch: RGB, number: int, phase: float) -> None:
        side = patch.shape[0]
        reach = (0.28 - 0.1 * self.take * (number % 2)) * self.size.height_px
        phase *= (-1) ** (self.take * number)
        angle = (0.5 + 0.3 * number) * phase + number
        centre = np.array([self.size.width_px * (0.3 + 0.14 * number), self.size.height_px / 2]) + reach * np.array(
            [np.cos((1 + number % 2) * phase + number), np.sin((1 + number % 2) * phase + number)]
        )
        turn = cv2.getRotationMatrix2D((side / 2, side / 2), float(np.degrees(angle)), 1.0)
        turn[:, 2] += centre - side / 2
        laid = cv2.warpAffine(patch, turn, self.size, flags=cv2.INTER_LINEAR)
        mask = cv2.warpAffine(np.full((side, side), 255, np.uint8), turn, self.size, flags=cv2.INTER_LINEAR)
        cv2.copyTo(laid, (mask > 127).astype(np.uint8), picture)


@dataclass(frozen=True)
class Pair:
    """A background and a foreground clip of one scene, and the truth of how they belong together."""

    name: str
    background: Clip
    foreground: Clip
    truth: Times
    """For each frame of the foreground its time in the background, in frames of it; NaN where it has none."""
    scale: float
    corner: tuple[float, float]
    scene: Scene

    def away(self, moments: Times) -> Times:
        """How far moments are off, in frames of the background."""
        return self.scene.away(moments, self.truth, float(self.background.rate))


@dataclass(frozen=True)
class Case:
    """How a pair is made: rates, lengths, the foreground's place, its times, and what was done to it."""

    name: str
    scene: Scene = field(default_factory=Scene)
    seconds: float = 3.0
    background_rate: Fraction = Fraction(60)
    rate: Fraction = Fraction(60)
    begin_s: float = 0.0
    end_s: float | None = None
    crop: Part = (60, 34, 200, 112)
    """Left, top, width and height of the foreground in the background."""
    shown: Part | None = None
    """The part of the scene that the background shows; all of it if None."""
    scale: float = 1.0
    """How many pixels of the foreground a pixel of the background has become."""
    stretch: float = 1.0
    """How many times as much across as down."""
    uneven: tuple[float, float] = (0.0, 0.0)
    """By which share of a frame those of the background, and of the foreground, are taken, and shown, early or late."""
    speed: Callable[[float], float] = lambda share: 1.0
    edit: Callable[[list[float]], list[float]] = lambda times: times
    change: Change = lambda picture, index: picture
    crf: int = 23
    background_crf: int = 20
    other: Scene | None = None
    """Another scene for the foreground: the pair does not belong together."""

    def times_s(self) -> list[float]:
        """The scene's time of each frame of the foreground."""
        times, now, step = [], self.begin_s, float(1 / self.rate)
        end = self.seconds if self.end_s is None else self.end_s
        while now < end - 1e-9:
            times.append(now)
            now += step * self.speed((now - self.begin_s) / (end - self.begin_s))
        return self.edit(times)

    def made(self, folder: Path) -> Pair:
        """Film it."""
        frames = round(self.seconds * self.background_rate)
        moments = np.arange(frames) + _strayed(self.uneven[0], frames, 1)
        background = self._background(folder, moments)
        times = np.array(self.times_s())
        strayed = _strayed(self.uneven[1], len(times), 2)
        times = times + strayed / float(self.rate)
        pictures = [self._foreground(float(time_s), index) for index, time_s in enumerate(times)]
        foreground = written(folder / f"{self.name}-fg.mp4", pictures, self.rate, self.crf, strayed)
        truth = np.interp(times * float(self.background_rate), moments, np.arange(frames), left=np.nan, right=np.nan)
        near = (times * float(self.background_rate) > -0.5) & (times * float(self.background_rate) < frames - 0.5)
        truth = np.where(near & np.isnan(truth), times * float(self.background_rate), truth)
        left, top = (self.crop[axis] - (self.shown[axis] if self.shown else 0) for axis in (0, 1))
        scale = self.crop[2] * self.stretch / self._size.width_px
        return Pair(self.name, background, foreground, truth, scale, (left, top), self.scene)

    def enlarged(self, times: int, seconds: float) -> Case:
        """The same in larger pictures, and longer."""
        scene, other = (
            each and replace(each, size=each.size.scaled(times), pan_px=times * each.pan_px)
            for each in (self.scene, self.other)
        )
        assert scene is not None
        longer = None if self.end_s is None else self.end_s + seconds - self.seconds
        larger = replace(self, scene=scene, other=other, seconds=seconds, end_s=longer)
        return replace(larger, crop=_times(times, self.crop), shown=self.shown and _times(times, self.shown))

    def _background(self, folder: Path, moments: Times) -> Clip:
        """Filmed once for all cases that share it."""
        scene = self.scene
        told = repr((scene, self.seconds, self.background_rate, self.shown, self.uneven[0], self.background_crf))
        path = folder / f"bg-{digest_bytes(told.encode())[:12]}.mp4"
        if path.exists():
            return probe(path)
        shown = (_cut(scene.picture(float(each / self.background_rate)), self.shown) for each in moments)
        return written(path, shown, self.background_rate, self.background_crf, moments - np.arange(len(moments)))

    @property
    def _size(self) -> Size:
        width, height = self.crop[2:]
        return Size(2 * round(width * self.stretch * self.scale / 2), 2 * round(height * self.scale / 2))

    def _foreground(self, time_s: float, index: int) -> RGB:
        cut, size = _cut((self.other or self.scene).picture(time_s), self.crop), self._size
        kind = cv2.INTER_AREA if self.scale < 1 else cv2.INTER_CUBIC
        return self.change(
            np.asarray(cv2.resize(cut, size, interpolation=kind) if size != Size.of(cut) else cut), index
        )


def _times(factor: int, part: Part) -> Part:
    left, top, width, height = part
    return factor * left, factor * top, factor * width, factor * height


def _cut(picture: RGB, part: Part | None) -> RGB:
    if part is None:
        return picture
    left, top, width, height = part
    return picture[top : top + height, left : left + width]


def real_pair(name: str, clip: Clip, folder: Path) -> Pair:
    """A part of a real clip, and six tenths of its picture in stronger contrast: every frame of that is a known one."""
    clip = part_of(clip, Span(0, min(150, len(clip))))
    indices = [15 + round(1.3 * number) for number in range(80)]
    shares, sides = (0.2, 0.25, 0.6, 0.6), (*clip.size, *clip.size)
    left, top, width, height = (2 * round(share * side / 2) for share, side in zip(shares, sides, strict=True))
    shown = (_cut(frame.rgb, (left, top, width, height)) for frame in ClipFrames.of(clip).read(indices))
    stronger = (np.clip((rgb.astype(np.float32) - 128) * 1.3 + 134, 0, 255).astype(np.uint8) for rgb in shown)
    foreground = written(folder / f"{name}-fg.mp4", stronger, Fraction(25), 24)
    return Pair(name, clip, foreground, np.array(indices, np.float64), 1.0, (left, top), Scene())


def _strayed(share: float, count: int, seed: int) -> Times:
    """How far frames are early or late, in frames."""
    return share * np.random.default_rng(seed).uniform(-1, 1, count) if share else np.zeros(count)


TICKS = 1000
"""Of a frame, for clips whose frames are not evenly spaced."""


def written(path: Path, pictures: Iterable[RGB], rate: Fraction, crf: int, strayed: Times | None = None) -> Clip:
    """A clip of these pictures, each shown as much early or late, in frames, as is said."""
    uneven = strayed is not None and strayed.any()
    starts = (
        np.rint(TICKS * (np.arange(len(strayed)) + strayed)).astype(int) if strayed is not None and uneven else None
    )
    pictures = iter(pictures)
    first = next(pictures)
    shape = Shape.steady(Size.of(first), rate)
    shape = replace(shape, time_base=shape.time_base / TICKS) if uneven else shape
    with ClipWriter(path, shape, Encoding(crf=crf)) as writer:
        for index, picture in enumerate(chain([first], pictures)):
            pts = index if starts is None else int(starts[index] - starts[0])
            writer.write(np.ascontiguousarray(picture), pts, 1 if starts is None else None)
    return probe(path)
