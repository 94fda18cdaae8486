"""The truth matrix of alignment: named pairs over motion, rates, places, edits, damage, looks, and what is refused."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np

from pipeline.engines.base import View
from tests.aligned import Case, Change, Pair, Scene, real_pair
from tests.conftest import FOOTAGE
from tests.engines import Painter
from tests.looks import HERE
from utils.image import RGB, Size
from utils.media.clip_part import part_of
from utils.media.intake import probe
from utils.media.timebase import Span


def gained(gain: float, add: float, noise: float = 0.0, gamma: float = 1.0) -> Change:
    """Another exposure, and grain."""

    def change(picture: RGB, index: int) -> RGB:
        grain = noise * np.random.default_rng(index).normal(size=picture.shape) if noise else 0.0
        bent = 255 * (picture / 255.0) ** gamma if gamma != 1 else picture
        return np.asarray(np.clip(gain * bent + add + grain, 0, 255), np.uint8)

    return change


def subtitled(picture: RGB, index: int) -> RGB:
    """A box over the lower part with letters that change, and another contrast."""
    height, width = picture.shape[:2]
    changed = picture.copy()
    changed[int(0.8 * height) :, int(0.05 * width) : int(0.95 * width)] = 20
    place, size = (int(0.1 * width), int(0.93 * height)), width / 700
    cv2.putText(changed, f"line {index // 45} of the words", place, cv2.FONT_HERSHEY_SIMPLEX, size, (240, 240, 240), 1)
    return np.asarray(255 * (changed / 255.0) ** (1 / 1.4), np.uint8)


def marked(picture: RGB, index: int) -> RGB:
    """A logo in a corner, and nothing else."""
    height, width = picture.shape[:2]
    changed = picture.copy()
    cv2.circle(changed, (int(0.88 * width), int(0.18 * height)), int(0.1 * height), (250, 250, 250), -1)
    cv2.putText(
        changed, "TV", (int(0.83 * width), int(0.22 * height)), cv2.FONT_HERSHEY_SIMPLEX, width / 500, (200, 0, 0), 2
    )
    return changed


def barred(picture: RGB, index: int) -> RGB:
    """Black bars above and below, of an eighth each."""
    changed = picture.copy()
    bar = picture.shape[0] // 8
    changed[:bar], changed[-bar:] = 16, 16
    return changed


def turned(picture: RGB, index: int) -> RGB:
    """Turned by one degree around its upper left corner, which stays where it is in the background."""
    turn = cv2.getRotationMatrix2D((-0.5, -0.5), 1.0, 1.0)
    kind, border = cv2.INTER_CUBIC, cv2.BORDER_REFLECT
    return np.asarray(cv2.warpAffine(picture, turn, Size.of(picture), flags=kind, borderMode=border), np.uint8)


def softened(picture: RGB, index: int) -> RGB:
    """Out of focus."""
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), picture.shape[1] / 160), np.uint8)


def recoloured(picture: RGB, index: int) -> RGB:
    """Strong colours of another kind: channels swapped, contrast bent, edges kept."""
    bent = np.clip((picture[..., ::-1].astype(np.float32) - 128) * 1.5 + 128, 0, 255)
    return np.asarray(255 * (bent / 255) ** 0.7, np.uint8)


@dataclass(frozen=True)
class Restyled:
    """One of our looks, over the whole picture."""

    look: str

    def __call__(self, picture: RGB, index: int) -> RGB:
        view = View(index, picture, np.full(picture.shape[:2], 255, np.uint8), np.full((33, 2), np.nan, np.float32))
        if "_painter" not in vars(self):
            vars(self)["_painter"] = Painter.of([view], look=self.look, apply_to="both")
        return np.asarray(vars(self)["_painter"](view), np.uint8)


@dataclass(frozen=True)
class Hidden:
    """Something else in place of the middle, up to so many px from the edges, and a new one every third frame."""

    border_px: int

    def __call__(self, picture: RGB, index: int) -> RGB:
        size, edge = Size.of(picture), self.border_px
        blocks = np.random.default_rng(index // 3).integers(
            0, 255, (size.height_px // 8, size.width_px // 8, 3), np.uint8
        )
        changed = picture.copy()
        changed[edge:-edge, edge:-edge] = cv2.resize(blocks, size)[edge:-edge, edge:-edge]
        return changed


def dropped(times: list[float]) -> list[float]:
    """Frames lost, one, two and twelve in a row, and some shown twice."""
    kept = [each for index, each in enumerate(times) if index not in {20, 45, 46, *range(100, 112)}]
    return [*kept[:65], kept[64], kept[64], *kept[65:140], kept[139], *kept[140:]]


def doubled(times: list[float]) -> list[float]:
    """Every tenth frame shown twice."""
    return [each for index, each in enumerate(times) for _ in range(1 + (index % 10 == 9))]


def paused(times: list[float]) -> list[float]:
    """The picture stands for a third of a second, twice."""
    return [*times[:40], *[times[40]] * 20, *times[41:110], *[times[110]] * 20, *times[111:]]


def cut_twice(times: list[float]) -> list[float]:
    """Two stretches cut out."""
    return [each for index, each in enumerate(times) if not (40 <= index < 70 or 130 <= index < 145)]


def swapped(times: list[float]) -> list[float]:
    """The second half first."""
    return times[len(times) // 2 :] + times[: len(times) // 2]


def piecewise(share: float) -> float:
    """Four speeds, one after the other."""
    return (1, 1.25, 0.8, 1.05)[min(3, int(4 * share))]


def swinging(share: float) -> float:
    """A speed that swells and falls."""
    return 1 + 0.3 * float(np.sin(4 * np.pi * share))


def _of(*cases: Case) -> dict[str, Case]:
    return {case.name: case for case in cases}


_30, _24, _25, _50 = Fraction(30), Fraction(24), Fraction(25), Fraction(50)
_SHIFTED = Case("", begin_s=0.5083)
TRUE = _of(
    Case("offset", begin_s=0.5),
    Case("retimed", rate=_30, speed=piecewise),
    Case("larger", scale=1.25, crop=(8, 60, 200, 112)),
    Case("smaller", scale=0.5, crop=(0, 0, 320, 180)),
    Case("film-rate", background_rate=_24),
    Case("odd-rate", rate=Fraction(6089, 100)),
    Case("cut", edit=cut_twice),
    Case("dropped", edit=dropped),
    Case("darkened", change=gained(0.8, 20, 4), crf=30),
    Case("recoloured", change=recoloured),
    Case("subtitled", change=subtitled),
)
"""Pairs that belong together, and of which every frame has a time that can be known: those that tests align."""

MOTION = _of(
    Case("same"),
    replace(_SHIFTED, name="half a frame"),
    Case("faster", speed=lambda share: 1.15, end_s=2.6),
    Case("swinging", speed=swinging),
    Case("talk", scene=Scene(pan_px=0.0, patches=1, turning=0.5, patch_share=0.1), begin_s=0.2083),
)
RATES = _of(
    replace(_SHIFTED, name="30 to 60", background_rate=_30),
    replace(_SHIFTED, name="60 to 24", rate=_24),
    replace(_SHIFTED, name="60 to 120", rate=Fraction(120), end_s=2.5),
    replace(_SHIFTED, name="29.97 to 30", background_rate=Fraction(30000, 1001), rate=_30),
    replace(_SHIFTED, name="25 to 50", background_rate=_25, rate=_50),
    replace(_SHIFTED, name="50 to 25", background_rate=_50, rate=_25),
    replace(_SHIFTED, name="uneven background", uneven=(0.3, 0.0)),
    replace(_SHIFTED, name="uneven foreground", uneven=(0.0, 0.3), rate=_30),
)
PLACES = _of(
    replace(_SHIFTED, name="corner", crop=(0, 0, 200, 112)),
    replace(_SHIFTED, name="lower edge", crop=(120, 68, 200, 112)),
    replace(_SHIFTED, name="full", crop=(0, 0, 320, 180)),
    replace(_SHIFTED, name="0.8", scale=0.8, crop=(41, 23, 200, 120)),
    replace(_SHIFTED, name="0.95", scale=0.95, crop=(30, 17, 240, 160)),
    replace(_SHIFTED, name="twice", scale=2.0, crop=(61, 35, 160, 90)),
    replace(_SHIFTED, name="small", crop=(130, 70, 64, 64)),
    replace(_SHIFTED, name="beyond the edge", crop=(0, 0, 260, 150), shown=(40, 20, 280, 160)),
    replace(_SHIFTED, name="stretched", stretch=1.2, crop=(60, 34, 200, 112)),
)
EDITS = _of(
    Case("early", begin_s=-0.6, end_s=2.5),
    Case("late", begin_s=0.7, end_s=3.6),
    Case("longer", begin_s=-0.7, end_s=3.4),
    replace(_SHIFTED, name="doubled", edit=doubled),
    replace(_SHIFTED, name="paused", edit=paused),
)
DAMAGE = _of(
    replace(_SHIFTED, name="crf 30", crf=30),
    replace(_SHIFTED, name="crf 38", crf=38),
    replace(_SHIFTED, name="both crf 34", crf=34, background_crf=34),
    replace(_SHIFTED, name="gamma", change=gained(1.0, 0, gamma=0.6)),
    replace(_SHIFTED, name="noisy", change=gained(1.0, 0, 15)),
    replace(_SHIFTED, name="logo", change=marked),
    replace(_SHIFTED, name="letterbox", change=barred),
    replace(_SHIFTED, name="turned", change=turned),
    replace(_SHIFTED, name="soft", change=softened),
)
STYLED = _of(*(replace(_SHIFTED, name=f"look {look}", change=Restyled(look)) for look in HERE))
STILL = _of(
    Case("still", scene=Scene(stop_s=(1.0, 2.0))),
    Case("loop", scene=Scene(period_s=1.0)),
)
"""Pairs in whose still stretches, or all of which, no time is the only one."""
UNRELATED = _of(
    *(Case(f"unrelated {number}", other=Scene(seed=90 + number)) for number in range(1, 7)),
    Case("unrelated still", scene=Scene(pan_px=0.0), other=Scene(seed=97, pan_px=0.0)),
    Case("unrelated calm", scene=Scene(pan_px=5.0, patches=1), other=Scene(seed=98, pan_px=5.0, patches=1)),
    Case("unrelated look", other=Scene(seed=99), change=Restyled("ink")),
    Case("unrelated dark", other=Scene(seed=100), change=gained(0.2, 10, 3), crf=34),
)
REFUSED = UNRELATED | _of(
    Case("reversed", edit=lambda times: times[::-1]),
    Case("swapped", edit=swapped),
    Case("other take", other=Scene(take=1)),
    Case("other take, standing", scene=Scene(pan_px=0.0), other=Scene(pan_px=0.0, take=1)),
)
MATRIX = TRUE | MOTION | RATES | PLACES | EDITS | DAMAGE | STYLED | STILL | REFUSED
EITHER = ("stretched",)
"""Pairs that may be refused or answered, if nothing wrong is called sure."""
CONTENT = (*STYLED, "recoloured", "subtitled")
"""Cases of changed content, of which a frame in twenty may be off by up to a frame."""

REAL = ("shaky_skater.mp4", "handheld_walk_forward.m4v", "handheld_still_scene.m4v", "sam2_juggler.mp4")
"""Real clips, each aligned with a part of itself and of the next one."""


def real_names() -> list[str]:
    """Pairs of real clips: parts of themselves, which belong together, and parts of others, which do not."""
    if not FOOTAGE.is_dir():
        return []
    return [f"real {name}" for name in REAL] + [f"strangers {name}" for name in REAL]


def is_refused(name: str) -> bool:
    """Whether a pair does not belong together."""
    return name in REFUSED or name.startswith("strangers")


def named_pair(name: str, folder: Path) -> Pair:
    """A pair of real clips."""
    kind, _, clip = name.partition(" ")
    if kind == "real":
        return real_pair(name, probe(FOOTAGE / clip), folder)
    behind, own = (probe(FOOTAGE / REAL[(REAL.index(clip) + step) % len(REAL)]) for step in (0, 1))
    stranger = real_pair(name, own, folder)
    return replace(stranger, background=part_of(behind, Span(0, min(150, len(behind)))))
