"""Steadiness: how much each frame differs from the one before along the motion, in the source and in the result."""

from typing import Any

from pipeline.report.page.clock import Clock
from pipeline.report.page.markup import Markup, tag
from pipeline.report.page.plot import Line, Plot, figure
from pipeline.report.page.timeline import cuts_of, joins_of
from pipeline.report.page.words import quantity


def steadiness(told: dict[str, Any], clock: Clock) -> Markup:
    """Warp error over time with the joins between windows."""
    errors, means, joins = told["warp_errors"], told["warp_error"], joins_of(told)
    lines = [Line("source", "before", errors["source"]), Line("result", "after", errors["result"])]
    plot = Plot("Warp error", "levels²", lines, clock, cuts_of(told), joins, from_zero=True)
    caption = (
        "How unlike two frames of the person are when one is moved onto the other by the source’s own motion."
        " Flicker lifts the line of the result; a seam would be a spike at a join."
    )
    said = tag("p", "On average: source ", quantity(means["source"], "levels²"), ", result ",
               quantity(means["result"], "levels²"), ".", class_="aside")  # fmt: skip
    return figure(caption, plot.draw(), said)
