"""The camera section of the report page: its path and jerk, before and after stabilizing."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from pipeline.report.page.clock import Clock
from pipeline.report.page.markup import Markup, joined
from pipeline.report.page.plot import Line, Plot, figure
from pipeline.report.page.timeline import cuts_of

Numbers = list[float | None]


def camera(report: dict[str, Any], clock: Clock) -> Markup:
    """Plots of the path sideways, up and down, and of the jerk, on one time axis."""
    paths, cuts = report["camera"]["path_px"], cuts_of(report)
    plots = []
    for axis, title in enumerate(("Sideways", "Up and down")):
        lines = [_line(name, [point[axis] for point in paths[name]]) for name in ("before", "after")]
        plots.append(Plot(title, "px", lines, clock, cuts).draw())
    jerks = [_line(name, jerk(paths[name], cuts)) for name in ("before", "after")]
    plots.append(Plot("Jerk", "px", jerks, clock, cuts, from_zero=True).draw())
    caption = (
        "Where the middle of the frame lies in the scene: the operator’s camera, and the calm one in which the engine"
        " works. The result gets the operator’s back. Jerk is how abruptly that point changes its pace; low is calm."
    )
    return figure(caption, joined(plots))


def jerk(path: Sequence[Sequence[float]], cuts: Sequence[int]) -> Numbers:
    """The length of the third difference at each frame, in px; None where four frames in a row are not of one shot."""
    points = np.array(path, np.float64).reshape(-1, 2)
    values: Numbers = [None] * len(points)
    edges = [0, *sorted(cut for cut in cuts if 0 < cut < len(points)), len(points)]
    for start, stop in pairwise(edges):
        if stop - start > 3:
            values[start + 3 : stop] = np.linalg.norm(np.diff(points[start:stop], 3, axis=0), axis=1).tolist()
    return values


def _line(name: str, values: Numbers) -> Line:
    return Line(name, "before" if name == "before" else "after", values)
