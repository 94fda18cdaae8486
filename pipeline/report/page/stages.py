"""The time section of the report page: how long each stage took, whether it was cached, and the bytes it keeps."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.report.page.markup import Markup, joined, table, tag
from pipeline.report.page.words import amount_bytes, duration, exact


@dataclass(frozen=True)
class Step:
    """All runs of one stage, taken together."""

    name: str
    runs: tuple[dict[str, Any], ...]

    @property
    def hits(self) -> int:
        return sum(run["cache"] == "hit" for run in self.runs)

    def seconds(self, *, hit: bool) -> float:
        """Seconds spent on runs that were (`hit`) or were not in the cache."""
        return float(sum(run["seconds"] or 0 for run in self.runs if (run["cache"] == "hit") is hit))

    @property
    def bytes(self) -> int:
        return sum(run["bytes"] or 0 for run in self.runs)


def steps(report: dict[str, Any]) -> list[Step]:
    """The steps of a run, in the order in which they first ran."""
    by_name: dict[str, list[dict[str, Any]]] = {}
    for run in report["stages"]:
        by_name.setdefault(run["name"], []).append(run)
    return [Step(name, tuple(runs)) for name, runs in by_name.items()]


def stages(report: dict[str, Any]) -> Markup:
    """A table with a bar for each step."""
    every = steps(report)
    if not every:
        return tag("p", "No step was recorded.", class_="nothing")
    longest = max(step.seconds(hit=True) + step.seconds(hit=False) for step in every) or 1.0
    rows = [_row(step, longest) for step in every]
    titles = ("step", "share", "time", "cache", "kept")
    legend = [tag("span", "computed", class_="key computed"), tag("span", "from the cache", class_="key cached")]
    return joined((tag("p", *legend, class_="legend"), table("Steps of the run", titles, rows, numbers=(2, 4))))


def _row(step: Step, longest: float) -> Sequence[object]:
    total = step.seconds(hit=True) + step.seconds(hit=False)
    parts = [
        tag("span", class_=f"run {kind}", style=f"width:{100 * step.seconds(hit=hit) / longest:.2f}%")
        for kind, hit in (("computed", False), ("cached", True))
        if step.seconds(hit=hit) or (not total and hit == bool(step.hits))
    ]
    name = step.name if len(step.runs) == 1 else joined((step.name, tag("small", f" × {len(step.runs)}")))
    bar = tag("span", *parts, class_="bar-row", aria_hidden="true")
    return name, bar, exact(round(total, 4), duration(total)), _cache(step), exact(step.bytes, amount_bytes(step.bytes))


def _cache(step: Step) -> str:
    if not step.hits:
        return "computed"
    return "cached" if step.hits == len(step.runs) else f"{step.hits} of {len(step.runs)} cached"
