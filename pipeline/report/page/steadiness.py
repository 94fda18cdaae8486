"""The steadiness section of the report page: warp error of each frame, in the source and in the result."""

from typing import Any

from pipeline.report.page.clock import Clock
from pipeline.report.page.markup import Markup, tag
from pipeline.report.page.plot import Line, Plot, figure
from pipeline.report.page.timeline import cuts_of, joins_of
from pipeline.report.page.words import quantity


def steadiness(report: dict[str, Any], clock: Clock) -> Markup:
    """A plot of the warp error over time, with the joins between windows marked."""
    errors, means, joins = report["warp_errors"], report["warp_error"], joins_of(report)
    lines = [Line("source", "before", errors["source"]), Line("result", "after", errors["result"])]
    plot = Plot("Warp error", "levels²", lines, clock, cuts_of(report), joins, from_zero=True)
    caption = (
        "How unlike two frames of the person are when one is moved onto the other by the source’s own motion."
        " Flicker lifts the line of the result; a seam would be a spike at a join."
    )
    averages = tag("p", "On average: source ", quantity(means["source"], "levels²"), ", result ",
                   quantity(means["result"], "levels²"), ".", class_="aside")  # fmt: skip
    return figure(caption, plot.draw(), averages)
