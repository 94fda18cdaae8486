"""HTML tables, folded away where they only repeat a plot."""

from collections.abc import Iterable, Sequence

from pipeline.report.page.markup import Markup, tag


def table(
    caption: str, titles: Sequence[str], rows: Iterable[Sequence[object]], *, numbers: Sequence[int] = ()
) -> Markup:
    """A table whose first column names the rows; columns in `numbers` are right-aligned."""
    head = [tag("th", title, scope="col", class_=_side(at, numbers)) for at, title in enumerate(titles)]
    body = [_row(cells, numbers) for cells in rows]
    inner = tag("table", tag("caption", caption), tag("thead", tag("tr", *head)), tag("tbody", *body))
    return tag("div", inner, class_="wide", tabindex=0, role="region", aria_label=caption)


def folded(summary: str, *children: object) -> Markup:
    """Content that opens on a click."""
    return tag("details", tag("summary", summary), *children)


def _row(cells: Sequence[object], numbers: Sequence[int]) -> Markup:
    first = tag("th", cells[0], scope="row", class_=_side(0, numbers))
    return tag("tr", first, *(tag("td", cell, class_=_side(at, numbers)) for at, cell in enumerate(cells[1:], 1)))


def _side(at: int, numbers: Sequence[int]) -> str | None:
    return "number" if at in numbers else None
