"""The drift plot as one SVG: how time runs, and how far each frame is off, over the foreground's time.

It stretches with the page, while its texts keep their size. It stands alone, and in pages, whose colours it takes.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from pipeline.align.drift import Drift
from pipeline.align.report import ASSETS
from pipeline.align.time_map import TimeMap
from pipeline.report.page.clock import nice_ticks
from pipeline.report.page.markup import Markup, tag
from pipeline.report.page.plot import SIDE, thinned
from utils.align.labels import Label
from utils.media.clip import Clip
from utils.media.timebase import Span

Values = NDArray[np.float64]
Indices = NDArray[np.int64]
Down = Callable[[float], float]
"""From a value to its place in a panel, from the top."""
SIGMAS = 2
LEAST_FRAMES = 1.5
"""The scale reaches at least so many frames of the background to either side."""
ROOM = 1.15
MOST_SLOPES, MOST_SHADES = 400, 500
"""Frames of a run between which slopes are measured for the line; shades that can be told apart."""
HEAD_PX, PANEL_PX, AXIS_PX, LEGEND_PX = 26, (190, 130), 22, 26
TITLES = "Time less its steady run (frames)", "Drift from the frames around (frames)"
SHADED = {Label.NOTHING: "nothing", Label.STILL: "ambiguous", Label.PERIODIC: "ambiguous"}
LEGEND = {"band": "2 sigma", "one": "1 frame", "nothing": "no match", "ambiguous": "ambiguous", "cut": "cut"}
HATCH = tag(
    "defs",
    tag("pattern", tag("path", d="M-1 1l2 -2M0 8l8 -8M7 9l2 -2"), id="drift-hatch", width=8, height=8,
        patternUnits="userSpaceOnUse"),
)  # fmt: skip
"""What shades frames that match nothing."""
LEGEND_PLACES = (0, 19, 38, 60, 84)
"""In percent of the width."""
STYLE = ASSETS / "drift.css"


@dataclass(frozen=True)
class DriftPlot:
    """The plot of an alignment."""

    background: Clip
    foreground: Clip
    map: TimeMap
    drift: Drift

    def svg(self) -> Markup:
        """The plot with its style, as one element."""
        parts, top = [], 0
        panels = (
            ("Time less its steady run (frames)", self.off_line),
            ("Drift from the frames around (frames)", self._residual),
        )
        for height, (title, values) in zip(PANEL_PX, panels, strict=True):
            parts += [tag("text", title, x=0, y=top + 16, class_="title")]
            parts += [*self._panel(values, top + HEAD_PX, height)]
            top += HEAD_PX + height + 8
        parts += [*self._times(top + 8)]
        parts += [*_legend(top + AXIS_PX + 14)]
        height = top + AXIS_PX + LEGEND_PX
        cursor = tag("line", x1="-1%", x2="-1%", y1=HEAD_PX, y2=top - 8, class_="cursor")
        return tag(
            "svg", tag("style", Markup(STYLE.read_text("utf-8"))), HATCH, *parts, cursor,
            xmlns="http://www.w3.org/2000/svg", class_="drift", width="100%", height=height, role="img",
            aria_label=self._summary(), data_seconds=f"{self._length_s:.6f}",
        )  # fmt: skip

    @cached_property
    def off_line(self) -> Values:
        """How far each frame lies off the line on which most of them lie, in frames of the background.

        Its slope is the median of those between pairs of frames without a cut between them.
        """
        known, times_s = self.map.matched(), self._times_s
        slopes = []
        for run in self._runs(known):
            some = run[np.linspace(0, len(run) - 1, min(len(run), MOST_SLOPES)).round().astype(int)]
            one, other = (some[each] for each in np.triu_indices(len(some), 1))
            slopes.append((self.map.moments[other] - self.map.moments[one]) / (times_s[other] - times_s[one]))
        every = np.concatenate(slopes)
        speed = float(np.median(every)) if len(every) else float(self.background.rate)
        rest = self.map.moments - speed * times_s
        return np.asarray(rest - np.median(rest[known]), np.float64)

    def handle(self, index: int) -> dict[str, float] | None:
        """Where a frame is on the upper curve: as a share from the left, in px from the top; and a frame in px."""
        if np.isnan(self.off_line[index]):
            return None
        ticks = _ticks(self.off_line)
        frame_px = PANEL_PX[0] / (ticks[-1][0] - ticks[0][0])
        down_px = HEAD_PX + frame_px * (ticks[-1][0] - float(self.off_line[index]))
        return {"across": self._across(index) / SIDE, "down_px": round(down_px, 2), "frame_px": round(frame_px, 4)}

    @property
    def _residual(self) -> Values:
        return self.drift.residual_s * float(self.background.rate)

    @cached_property
    def _times_s(self) -> Values:
        return np.array([float(self.foreground.time_s(index)) for index in self.foreground.span])

    @property
    def _length_s(self) -> float:
        return float(self.foreground.duration_s)

    def _share(self, index: int) -> float:
        """Where a frame begins, from 0 at the left to 1; also the one after the last."""
        return float(self._times_s[index]) / self._length_s if index < len(self._times_s) else 1.0

    def _panel(self, values: Values, top: int, height: int) -> Iterator[Markup]:
        """One set of curves on its scale, with the numbers of the scale inside it."""
        ticks = _ticks(values)
        low, high = ticks[0][0], ticks[-1][0]

        def down(value: float) -> float:
            return SIDE * (high - value) / (high - low)

        grid = "".join(f"M0 {down(value):.1f}H{SIDE}" for value, _ in ticks)
        ones = "".join(f"M0 {down(value):.1f}H{SIDE}" for value in (-1.0, 1.0))
        known = self.map.matched()
        moving = known[[self.map.labels[index] is not Label.STILL for index in known]]
        curves = [self._band(run, values, down) for run in self._drawn(moving, values)]
        curves += [self._line(run, values, down) for run in self._drawn(known, values)]
        shapes = [tag("path", d=grid, class_="grid"), tag("path", d=ones, class_="one"), *curves]
        yield from self._shades(top, height)
        yield tag(
            "svg", *shapes, x=0, y=top, width="100%", height=height, viewBox=f"0 0 {SIDE} {SIDE}",
            preserveAspectRatio="none", class_="panel",
        )  # fmt: skip
        for value, text in ticks[1:-1]:
            yield tag("text", text, x=4, y=f"{top + height * down(value) / SIDE - 3:.1f}", class_="number")

    def _line(self, run: Sequence[int], values: Values, down: Down) -> Markup:
        points = [(self._across(index), down(values[index])) for index in run]
        return tag("path", d=_path(points), class_="line")

    def _band(self, run: Sequence[int], values: Values, down: Down) -> Markup:
        """Two sigma to either side; where nothing moves there is none, for the shade says it."""
        sigma = SIGMAS * self.map.sigma
        above, below = (
            [(self._across(index), down(values[index] + side * sigma[index])) for index in run] for side in (1, -1)
        )
        return tag("path", d=_path([*above, *below[::-1]]) + "Z", class_="band")

    def _across(self, index: int) -> float:
        """Where the middle of a frame is."""
        return SIDE * (self._share(index) + self._share(index + 1)) / 2

    def _runs(self, frames: Indices) -> list[Indices]:
        """Stretches of these frames without a gap or a cut."""
        cut = np.array([self.map.labels[index] is Label.CUT for index in frames], bool)
        starts = np.flatnonzero((np.diff(frames, prepend=frames[:1]) > 1) | cut)
        return [run for run in np.split(frames, starts) if len(run)]

    def _drawn(self, frames: Indices, values: Values) -> list[list[int]]:
        """The runs of these frames, of each the frames that a long plot keeps."""
        kept = {index for index, _ in thinned(values)}
        runs = ([index for index in run.tolist() if index in kept] for run in self._runs(frames))
        return [run for run in runs if run]

    def _shades(self, top: int, height: int) -> Iterator[Markup]:
        """What is not sure, shaded, and the cuts."""
        for span, kind in self._unsure():
            left, wide = self._share(span.start), self._share(span.stop) - self._share(span.start)
            said = tag("title", f"{self.map.labels[span.start]}: frames {span.start} to {span.stop - 1}")
            yield tag(
                "rect", said, x=f"{100 * left:.3f}%", y=top, width=f"{100 * wide:.3f}%", height=height, class_=kind
            )
        for index, label in enumerate(self.map.labels):
            if label is Label.CUT:
                x = f"{100 * self._share(index):.3f}%"
                yield tag("line", x1=x, x2=x, y1=top, y2=top + height, class_="cut")

    def _unsure(self) -> list[tuple[Span, str]]:
        """Stretches that are shaded; of one kind, those with too little between them to be seen are one."""
        kinds = [SHADED.get(label, "") for label in self.map.labels]
        edges = [0, *(at for at in range(1, len(kinds)) if kinds[at] != kinds[at - 1]), len(kinds)]
        found: list[tuple[Span, str]] = []
        for start, stop in pairwise(edges):
            if found and found[-1][1] == kinds[start] and (start - found[-1][0].stop) * MOST_SHADES < len(kinds):
                found[-1] = Span(found[-1][0].start, stop), kinds[start]
            elif kinds[start]:
                found.append((Span(start, stop), kinds[start]))
        return found

    def _times(self, top: int) -> Iterator[Markup]:
        """The foreground's time."""
        ticks = [each for each in nice_ticks(0, self._length_s, 6) if each[0] <= self._length_s]
        for number, (value, text) in enumerate(ticks):
            share, last = value / self._length_s, number == len(ticks) - 1
            anchor = "start" if not number else "end" if share > 0.94 else "middle"
            shown = f"{text}\u00a0s" if last else text
            yield tag("text", shown, x=f"{100 * share:.2f}%", y=top + 6, text_anchor=anchor, class_="number")

    def _summary(self) -> str:
        counts = ", ".join(f"{amount} {label}" for label, amount in self.map.counts.items())
        widest = float(np.nanmax(np.abs(self._residual)))
        return f"Drift plot. Frames: {counts}. The largest drift is {widest:.2f} frames of the background."


def _ticks(values: Values) -> list[tuple[float, str]]:
    """The scale of a panel."""
    reach = max(LEAST_FRAMES, ROOM * float(np.nanmax(np.abs(values))))
    return nice_ticks(-reach, reach, 6)


def _legend(top: int) -> Iterator[Markup]:
    for number, (kind, name) in enumerate(LEGEND.items()):
        x = LEGEND_PLACES[number]
        mark = tag("rect", x=0, y=-9, width=10, height=10, class_=f"key {kind}")
        yield tag("svg", mark, tag("text", name, x=13, y=0, class_="number"), x=f"{x}%", y=top, class_="entry")


def _path(points: Sequence[tuple[float, float]]) -> str:
    """The commands of a path; a point alone becomes a dot."""
    (x, y), *rest = points
    return f"M{x:.1f} {y:.1f}" + ("".join(f"L{x:.1f} {y:.1f}" for x, y in rest) or "h0")
