"""Tables with headers, folded away where they only back up a picture."""

from collections.abc import Iterable, Sequence

from pipeline.report.page.markup import Markup, tag


def table(
    caption: str, titles: Sequence[str], rows: Iterable[Sequence[object]], *, numbers: Sequence[int] = ()
) -> Markup:
    """Rows whose first cell names them; columns in `numbers` are set to the right."""
    head = [tag("th", title, scope="col", class_=_side(at, numbers)) for at, title in enumerate(titles)]
    body = [_row(cells, numbers) for cells in rows]
    inner = tag("table", tag("caption", caption), tag("thead", tag("tr", *head)), tag("tbody", *body))
    return tag("div", inner, class_="wide", tabindex=0, role="region", aria_label=caption)


def folded(summary: str, *children: object) -> Markup:
    """What is there for whoever wants to look closer."""
    return tag("details", tag("summary", summary), *children)


def _row(cells: Sequence[object], numbers: Sequence[int]) -> Markup:
    first = tag("th", cells[0], scope="row", class_=_side(0, numbers))
    return tag("tr", first, *(tag("td", cell, class_=_side(at, numbers)) for at, cell in enumerate(cells[1:], 1)))


def _side(at: int, numbers: Sequence[int]) -> str | None:
    return "number" if at in numbers else None
