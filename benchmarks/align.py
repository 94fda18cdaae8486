"""Alignment against truth: how far times and places are off, what is sure, and what aligning costs beside decoding.

python -m benchmarks.align [--seconds 8] [--size 2] [--vidkompy PYTHON] [CASE ...]
Pairs of 8 s at 640x360 (`--size` times 320x180); decoding is that of both clips to their proxies, which aligning cannot
do without. A frame has information where, along the way from one frame of the background to the next, the undamaged
render changes three times as much as the background's own encoding changed it: decided without looking at any estimate.
"""

import argparse
import json
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from tests.aligned import Case, Pair
from tests.aligned_cases import CONTENT, EITHER, MATRIX, STILL, is_refused, named_pair, real_names
from utils.align.alignment import Alignment, align
from utils.align.grid import Grid
from utils.align.labels import Label
from utils.align.placement import Placement
from utils.align.placing import Refusal
from utils.align.proxies import Proxies
from utils.image import RGB

Values = NDArray[np.float64]
LEAST_RATIO, EVERY, AROUND, GRID_PX = 3.0, 6, 5, 64
HEAD = (
    "case",
    "sure",
    "p95",
    "max",
    "place px",
    "scale",
    "1 sigma",
    "2 sigma",
    "jitter",
    "decoding",
    "aligning",
    "ratio",
    "missed",
)
VIDKOMPY = str(Path(__file__).with_name("vidkompy_child.py"))
FIRST, WIDTH = 36, 10


@dataclass(frozen=True)
class Row:
    """What came out for a case."""

    cells: tuple[str, ...]
    missed: tuple[str, ...] = ()
    spread: tuple[float, ...] = ()
    """How far sure frames are off, in units of their sigma."""
    wrong: int = 0
    """Sure frames that are off by a frame or more, or have no match."""


def main() -> None:
    """All cases, or those that are named."""
    reader = argparse.ArgumentParser()
    reader.add_argument("cases", nargs="*")
    reader.add_argument("--seconds", type=float, default=8.0)
    reader.add_argument("--size", type=int, default=2)
    reader.add_argument("--vidkompy", metavar="PYTHON", help="a Python that vidkompy 1.2.5 is installed in")
    said = reader.parse_args()
    rows = []
    print(_line(HEAD))
    with tempfile.TemporaryDirectory() as folder:
        for case, pair in pairs(Path(folder), said.cases, said.size, said.seconds):
            rows.append(measured(case, pair))
            print(_line((*rows[-1].cells, ", ".join(rows[-1].missed))), flush=True)
            if said.vidkompy:
                print("  " + beside(said.vidkompy, pair), flush=True)
    spread = np.concatenate([row.spread for row in rows])
    shares = [float(np.mean(spread < times)) for times in (1, 2)] if len(spread) else [0.0, 0.0]
    print(f"Within one sigma {shares[0]:.1%}, within two {shares[1]:.1%}, over all {len(spread)} sure frames.")
    print(f"Wrong but sure: {sum(row.wrong for row in rows)}. Missed: {sum(bool(row.missed) for row in rows)} cases.")


def pairs(folder: Path, names: list[str], size: int, seconds: float) -> Iterator[tuple[Case, Pair]]:
    """Those that are named, or all; real ones only where there are real clips beside the checkout."""
    for name in names or [*MATRIX, *real_names()]:
        if name in MATRIX:
            case = MATRIX[name].enlarged(size, seconds)
            yield case, case.made(folder)
        else:
            yield Case(name), named_pair(name, folder)


def measured(case: Case, pair: Pair) -> Row:
    """The row of a pair."""
    started = time.perf_counter()
    clips = Proxies.of(pair.background), Proxies.of(pair.foreground)
    decoded = time.perf_counter()
    try:
        found = align(*clips)
    except Refusal as refusal:
        times = _times(decoded - started, time.perf_counter() - decoded)
        missed = () if is_refused(case.name) or case.name in EITHER else (f"refused: {refusal.problem}",)
        return Row((case.name, "refused", *[""] * 7, *times), missed)
    times = _times(decoded - started, time.perf_counter() - decoded)
    known = informed(case, pair, clips[0]) if case.name in MATRIX else np.zeros(len(pair.truth), bool)
    judged = Judged(case, pair, found, known)
    return Row((case.name, *judged.cells, *times), judged.missed, judged.spread, judged.wrong)


@dataclass(frozen=True)
class Judged:
    """An alignment beside the truth."""

    case: Case
    pair: Pair
    found: Alignment
    informed: NDArray[np.bool_]

    @property
    def sure(self) -> NDArray[np.bool_]:
        return np.array([label is Label.SURE for label in self.found.labels])

    @property
    def away(self) -> Values:
        """How far each sure frame is off, in frames; endlessly, if it has no match."""
        off = self.pair.away(self.found.moments)[self.sure]
        return np.asarray(np.where(np.isnan(off), np.inf, off))

    @property
    def spread(self) -> tuple[float, ...]:
        return tuple(self.away / self.found.sigma[self.sure])

    @property
    def wrong(self) -> int:
        return int((self.away >= 1).sum())

    @property
    def share(self) -> float:
        """How many of the frames that have information are sure, or sure as the first after a cut."""
        known = self.sure | np.array([label is Label.CUT for label in self.found.labels])
        return float(known[self.informed].mean()) if self.informed.any() else 1.0

    @property
    def jitter(self) -> float:
        off = self.found.moments - self.pair.truth
        steps = np.diff(off)[self.sure[1:] & self.sure[:-1]]
        return float(np.nanstd(steps)) if len(steps) else 0.0

    @property
    def place(self) -> tuple[float, float]:
        """How far the corner is off, in px, and the scale, in percent."""
        place = self.found.placement
        away = max(abs(place.left - self.pair.corner[0]), abs(place.top - self.pair.corner[1]))
        return away, 100 * (place.scale / self.pair.scale - 1)

    @property
    def _coverage(self) -> tuple[float, float]:
        spread = np.array(self.spread)
        return float(np.mean(spread < 1)), float(np.mean(spread < 2))

    @property
    def cells(self) -> tuple[str, ...]:
        share = f"{self.share:.1%}" if self.informed.any() else f"({self.sure.mean():.1%})"
        place = (f"{self.place[0]:.2f}", f"{self.place[1]:+.3f} %")
        if not self.sure.any():
            return (share, "", "", *place, "", "", "")
        one, two = self._coverage
        p95 = float(np.quantile(self.away, 0.95))
        return share, f"{p95:.2f}", f"{self.away.max():.2f}", *place, f"{one:.0%}", f"{two:.0%}", f"{self.jitter:.3f}"

    @property
    def missed(self) -> tuple[str, ...]:
        """What falls short."""
        if is_refused(self.case.name):
            return ("not refused", *([f"{self.wrong} wrong but sure"] if self.wrong else []))
        if self.case.name in EITHER:
            return (f"{self.wrong} wrong but sure",) if self.wrong else ()
        content = self.case.name in CONTENT
        checks: list[tuple[bool, str]] = [
            (self.wrong > 0, f"{self.wrong} wrong but sure"),
            (self.share < 0.95 and self.case.scene.period_s is None, "too few sure"),
            (self.place[0] > 0.5, "place"),
            (abs(self.place[1]) > 0.3, "scale"),
            (self.jitter > 0.15, "jitter"),
            (self.case.name in STILL and bool((np.diff(self.found.moments) < -0.5).any()), "backwards"),
        ]
        if self.sure.any():
            one = self._coverage[0]
            checks.append((not content and float(np.quantile(self.away, 0.95)) > 0.25, "p95"))
            checks.append((not 0.5 <= one <= 0.9, f"sigma {one:.0%}"))
        return tuple(word for failed, word in checks if failed)


def beside(python: str, pair: Pair) -> str:
    """What vidkompy makes of the pair, by the same truth."""
    clips = [
        {
            **{"path": str(clip.path), "width": clip.size.width_px, "height": clip.size.height_px},
            **{"rate": float(clip.rate), "seconds": float(clip.duration_s), "frames": len(clip)},
        }
        for clip in (pair.background, pair.foreground)
    ]
    child = subprocess.run([python, VIDKOMPY, json.dumps(clips)], capture_output=True, text=True)
    if child.returncode or not child.stdout:
        return f"vidkompy failed: {child.stderr.strip().splitlines()[-1:]}"
    told = json.loads(child.stdout.splitlines()[-1])
    moments = np.full(len(pair.truth), np.nan)
    for own, behind in told["pairs"]:
        moments[own] = behind
    off = pair.away(moments)
    off = off[np.isfinite(off)]
    errors = (
        f"mean {off.mean():.2f}, max {off.max():.1f}, {np.mean(off <= 1):.0%} within one frame" if len(off) else "none"
    )
    return (
        f"vidkompy: {errors}; placed ({told['x']}, {told['y']}); sure {told['confidence']:.2f}; {told['seconds']:.1f} s"
    )


def informed(case: Case, pair: Pair, background: Proxies) -> NDArray[np.bool_]:
    """Which frames of the foreground have information about their time."""
    known = np.flatnonzero(np.isfinite(pair.truth))[::EVERY]
    if not len(known):
        return np.zeros(len(pair.truth), bool)
    rate, grid = float(case.background_rate), Grid.of(pair.foreground.size, GRID_PX)
    left, top, width, height = case.crop

    def shown(moment: float) -> NDArray[np.float32]:
        rgb: RGB = case.scene.picture(moment / rate)[top : top + height, left : left + width]
        grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
        return grid.high(np.asarray(cv2.resize(grey, grid.size, interpolation=cv2.INTER_AREA), np.float32))

    place, moved = Placement(pair.scale, *pair.corner), []
    for moment in np.clip(pair.truth[known], 0, len(background) - 1):
        index = round(moment)
        render = shown(float(index))
        coded = grid.high(place.crop(background.luma[index], background, pair.foreground.size, grid.size))
        gain = float((render * coded).sum()) / max(float((coded * coded).sum()), 1e-6)
        passing = shown(float(moment) + 0.5) - shown(float(moment) - 0.5)
        noise, length = gain * coded - render, max(float(np.linalg.norm(passing)), 1e-3)
        moved.append(max(abs(float((noise * passing).sum()) / length), float(noise.std())) / length)
    near = np.ones(min(AROUND, len(moved)))
    usual = np.sqrt(np.convolve(np.square(moved), near, "same") / np.convolve(np.ones(len(moved)), near, "same"))
    return np.asarray((np.interp(np.arange(len(pair.truth)), known, usual) < 1 / LEAST_RATIO) & np.isfinite(pair.truth))


def _line(cells: tuple[str, ...]) -> str:
    return cells[0].ljust(FIRST) + "".join(cell.rjust(WIDTH) for cell in cells[1:-1]) + "  " + cells[-1]


def _times(decoding_s: float, aligning_s: float) -> tuple[str, str, str]:
    return f"{decoding_s:.2f} s", f"{aligning_s:.2f} s", f"{aligning_s / decoding_s:.1f}"


if __name__ == "__main__":
    main()
