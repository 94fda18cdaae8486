"""Line plots over the time of the clip: curves are SVG that stretches with the page, labels are text that does not."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from pipeline.report.page.clock import Clock, nice_ticks
from pipeline.report.page.markup import Markup, joined, tag
from pipeline.report.page.words import NOTHING, rounded

MOST_POINTS = 1400
"""Points of a line; longer ones keep the lowest and the highest value of every stretch."""
MANY = 24
"""More joins than this are drawn faintly, so that the curves stay in sight."""
SIDE = 1000
"""Width and height of a plot in its own units."""
Doubles = NDArray[np.float64]


@dataclass(frozen=True)
class Line:
    """A curve with one value per frame, None where there is none."""

    name: str
    role: Literal["before", "after"]
    values: Sequence[float | None]

    @property
    def numbers(self) -> Doubles:
        """The values as an array, NaN for None."""
        return np.array(self.values, np.float64).reshape(-1)


@dataclass(frozen=True)
class Plot:
    """Curves on one scale. They are broken at `cuts`; `joins` are frames that are marked."""

    title: str
    unit: str
    lines: Sequence[Line]
    clock: Clock
    cuts: Sequence[int] = ()
    joins: Sequence[int] = ()
    from_zero: bool = False

    def draw(self) -> Markup:
        """The plot with its scale and legend, and its data for the read-out on hover."""
        known = [line.numbers[np.isfinite(line.numbers)] for line in self.lines]
        every = np.concatenate([*known, np.zeros(0)])
        title = tag("h4", self.title, tag("small", f" {self.unit}"))
        if not len(every):
            return tag("div", title, tag("p", f"{NOTHING.capitalize()}.", class_="nothing"), class_="plot")
        ticks = nice_ticks(0.0 if self.from_zero else float(every.min()), float(every.max()), 4)
        return tag(
            "div",
            tag("div", title, self._legend(), class_="plot-head"),
            tag("div", scale(ticks), self._area(ticks), class_="plot-body"),
            time_axis(self.clock),
            class_="plot",
        )

    def _legend(self) -> Markup:
        names = [tag("span", line.name, class_=f"key {line.role}") for line in self.lines]
        return tag("span", *names, tag("span", "join", class_="key join") if self.joins else None, class_="legend")

    def _area(self, ticks: Sequence[tuple[float, str]]) -> Markup:
        low, high = ticks[0][0], ticks[-1][0]
        points = [thinned(line.numbers) for line in self.lines]
        shapes: list[Markup | None] = [_across([(high - value) / (high - low) for value, _ in ticks])]
        shapes += [_upright([self.clock.share(cut) for cut in self.cuts], "cut")]
        shapes += [
            _upright(
                [self.clock.share(join) for join in self.joins], "join" if len(self.joins) <= MANY else "join faint"
            )
        ]
        for line, thin in zip(self.lines, points, strict=True):
            shapes.append(tag("path", d=self._path(thin, low, high), class_=f"line {line.role}"))
        data = [{"name": line.name, "points": _plain(thin)} for line, thin in zip(self.lines, points, strict=True)]
        return tag(
            "div",
            tag("svg", *shapes, viewBox=f"0 0 {SIDE} {SIDE}", preserveAspectRatio="none", role="img",
                aria_label=f"{self.title}, {self.unit}. {self._summary()}"),
            class_="area", data_lines=json.dumps(data, separators=(",", ":")), data_unit=self.unit,
        )  # fmt: skip

    def _path(self, points: Sequence[tuple[int, float]], low: float, high: float) -> str:
        """The commands of an SVG path; a value alone becomes a dot."""
        parts, last, cuts = [], None, sorted(self.cuts)
        for index, value in points:
            if not np.isfinite(value):
                last = None
                continue
            x, y = SIDE * self.clock.share(index + 0.5), SIDE * (high - value) / (high - low)
            is_cut = last is not None and any(last < cut <= index for cut in cuts)
            parts.append(f"M{x:.1f} {y:.1f}h0" if last is None or is_cut else f"L{x:.1f} {y:.1f}")
            last = index
        return "".join(parts)

    def _summary(self) -> str:
        """The range of each curve in a sentence, for screen readers."""
        parts = []
        for line in self.lines:
            known = line.numbers[np.isfinite(line.numbers)]
            ends = f"from {rounded(float(known.min()))} to {rounded(float(known.max()))}" if len(known) else NOTHING
            parts.append(f"{line.name}: {ends}")
        return "; ".join(parts) + "."


def thinned(values: Doubles, most: int = MOST_POINTS) -> list[tuple[int, float]]:
    """Frames and values of a curve; a long one keeps the lowest, the highest and the first gap of each stretch."""
    if len(values) <= most:
        return list(enumerate(values.tolist()))
    edges = np.linspace(0, len(values), most // 2 + 1).astype(int)
    indices: list[int] = []
    for start, stop in pairwise(edges.tolist()):
        part = values[start:stop]
        known = np.isfinite(part)
        extremes = set((start + np.flatnonzero(~known)[:1]).tolist())
        if known.any():
            extremes |= {int(start + np.nanargmin(part)), int(start + np.nanargmax(part))}
        indices += sorted(extremes)
    return [(index, float(values[index])) for index in indices]


def scale(ticks: Sequence[tuple[float, str]]) -> Markup:
    """The scale at the left of a plot, from the highest number down."""
    low, high = ticks[0][0], ticks[-1][0]
    marks = [tag("span", shown, style=f"top:{100 * (high - value) / (high - low):.2f}%") for value, shown in ticks]
    return tag("div", *marks, class_="scale", aria_hidden="true")


def time_axis(clock: Clock) -> Markup:
    """The time axis below a plot."""
    ticks = clock.ticks()
    marks = [
        tag(
            "span",
            shown + (f"\u00a0{clock.unit}" if number == len(ticks) - 1 else ""),
            class_="end" if share > 0.94 else None,
            style=f"left:{100 * share:.2f}%",
        )
        for number, (share, shown) in enumerate(ticks)
    ]
    return tag("div", *marks, class_="times", aria_hidden="true")


def _plain(points: Sequence[tuple[int, float]]) -> list[list[float]]:
    return [[index, float(f"{value:.5g}")] for index, value in points if np.isfinite(value)]


def _across(shares: Sequence[float]) -> Markup:
    return tag("path", d="".join(f"M0 {SIDE * share:.1f}H{SIDE}" for share in shares), class_="grid")


def _upright(shares: Sequence[float], kind: str) -> Markup | None:
    return tag("path", d="".join(f"M{SIDE * share:.1f} 0V{SIDE}" for share in shares), class_=kind) if shares else None


def figure(caption: str, *children: object) -> Markup:
    """A figure element with its caption."""
    return tag("figure", joined(children), tag("figcaption", caption))
