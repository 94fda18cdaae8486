"""Pairs of clips whose alignment is known: both are filmed of one scene that moves continuously in time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from tests.panned import texture
from utils.image import RGB, Size
from utils.media.clip import Clip
from utils.media.intake import probe
from utils.media.write import ClipWriter, Encoding, Shape

Times = NDArray[np.float64]
Change = Callable[[RGB, int], RGB]
"""What is done to each picture of the foreground clip: a filter, a subtitle."""


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

    @cached_property
    def _plane(self) -> RGB:
        return texture(Size(*(int(side + 2 * self.pan_px + 40) for side in self.size)), self.seed)

    @cached_property
    def _patches(self) -> list[RGB]:
        return [
            texture(Size(self.size.width_px // 8, self.size.width_px // 8), self.seed + 7 + n)
            for n in range(self.patches)
        ]

    def clock(self, time_s: float) -> float:
        """The scene's own time, which stands while it stands."""
        if self.stop_s and time_s > self.stop_s[0]:
            time_s = max(self.stop_s[0], time_s - (self.stop_s[1] - self.stop_s[0]))
        return time_s % self.period_s if self.period_s else time_s

    def picture(self, time_s: float) -> RGB:
        """What the whole picture shows at a time."""
        t, round_ = self.clock(time_s), 2 * np.pi / (self.period_s or 6.0)
        across, down = (
            self.pan_px * np.sin(0.7 * round_ * t if not self.period_s else round_ * t),
            0.4 * self.pan_px * np.sin(1.3 * round_ * t if not self.period_s else 2 * round_ * t),
        )
        place = np.array([[1, 0, -(self.pan_px + 20 + across)], [0, 1, -(self.pan_px + 20 + down)]])
        picture = cv2.warpAffine(self._plane, place, self.size, flags=cv2.INTER_CUBIC)
        for number, patch in enumerate(self._patches):
            self._lay(picture, patch, number, self.turning * round_ * t)
        return np.asarray(picture, np.uint8)

    def _lay(self, picture: RGB, patch: RGB, number: int, phase: float) -> None:
        side = patch.shape[0]
        angle, reach = (0.5 + 0.3 * number) * phase + number, 0.28 * self.size.height_px
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
    crop: tuple[int, int, int, int] = (60, 34, 200, 112)
    """Left, top, width and height of the foreground in the background."""
    scale: float = 1.0
    """How many pixels of the foreground a pixel of the background has become."""
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
        shown = [self.scene.picture(float(index / self.background_rate)) for index in range(frames)]
        background = written(folder / f"{self.name}-bg.mp4", shown, self.background_rate, self.background_crf)
        left, top, width, height = self.crop
        size = Size(*(2 * round(side * self.scale / 2) for side in (width, height)))
        fit = np.array([[size.width_px / width, 0, 0], [0, size.height_px / height, 0]])
        fit[:, 2] = fit[:, :2] @ (-np.array([left, top]) + 0.5) - 0.5
        kind = cv2.INTER_AREA if self.scale < 1 else cv2.INTER_CUBIC
        pictures, times, scene = [], self.times_s(), self.other or self.scene
        for index, time_s in enumerate(times):
            cut = scene.picture(time_s)[top : top + height, left : left + width]
            pictures.append(
                self.change(
                    np.asarray(cv2.resize(cut, size, interpolation=kind) if size != (width, height) else cut), index
                )
            )
        foreground = written(folder / f"{self.name}-fg.mp4", pictures, self.rate, self.crf)
        truth = np.array(times) * float(self.background_rate)
        truth[(truth < -0.5) | (truth > frames - 0.5)] = np.nan
        return Pair(self.name, background, foreground, truth, 1 / float(fit[0, 0]), (left, top))


def written(path: Path, pictures: list[RGB], rate: Fraction, crf: int) -> Clip:
    """A clip of these pictures."""
    with ClipWriter(path, Shape.steady(Size.of(pictures[0]), rate), Encoding(crf=crf)) as writer:
        for index, picture in enumerate(pictures):
            writer.write(np.ascontiguousarray(picture), index, 1)
    return probe(path)


def gained(gain: float, add: float, noise: float = 0.0) -> Change:
    """Another exposure, and grain."""

    def change(picture: RGB, index: int) -> RGB:
        grain = noise * np.random.default_rng(index).normal(size=picture.shape) if noise else 0.0
        return np.asarray(np.clip(gain * picture + add + grain, 0, 255), np.uint8)

    return change


def dropped(times: list[float]) -> list[float]:
    """Frames lost, one, two and twelve in a row, and some shown twice."""
    kept = [each for index, each in enumerate(times) if index not in {20, 45, 46, *range(100, 112)}]
    return [*kept[:65], kept[64], kept[64], *kept[65:140], kept[139], *kept[140:]]


def cut_twice(times: list[float]) -> list[float]:
    """Two stretches cut out."""
    return [each for index, each in enumerate(times) if not (40 <= index < 70 or 130 <= index < 145)]


def subtitled(picture: RGB, index: int) -> RGB:
    """A box over the lower part with letters that change, and another contrast."""
    height, width = picture.shape[:2]
    changed = picture.copy()
    changed[int(0.8 * height) :, int(0.05 * width) : int(0.95 * width)] = 20
    place, size = (int(0.1 * width), int(0.93 * height)), width / 700
    cv2.putText(changed, f"line {index // 45} of the words", place, cv2.FONT_HERSHEY_SIMPLEX, size, (240, 240, 240), 1)
    return np.asarray(255 * (changed / 255.0) ** (1 / 1.4), np.uint8)


def recoloured(picture: RGB, index: int) -> RGB:
    """Strong colours of another kind: channels swapped, contrast bent, edges kept."""
    bent = np.clip((picture[..., ::-1].astype(np.float32) - 128) * 1.5 + 128, 0, 255)
    return np.asarray(255 * (bent / 255) ** 0.7, np.uint8)


def _retimed(share: float) -> float:
    return (1, 1.25, 0.8, 1.05)[min(3, int(4 * share))]


TRUE = {
    case.name: case
    for case in (
        Case("offset", begin_s=0.5),
        Case("retimed", rate=Fraction(30), speed=_retimed),
        Case("larger", scale=1.25, crop=(8, 60, 200, 112)),
        Case("smaller", scale=0.5, crop=(0, 0, 320, 180)),
        Case("film-rate", background_rate=Fraction(24)),
        Case("odd-rate", rate=Fraction(6089, 100)),
        Case("cut", edit=cut_twice),
        Case("dropped", edit=dropped),
        Case("darkened", change=gained(0.8, 20, 4), crf=30),
        Case("recoloured", change=recoloured),
        Case("subtitled", change=subtitled),
    )
}
"""Pairs that belong together, and of which every frame has a time that can be known."""
