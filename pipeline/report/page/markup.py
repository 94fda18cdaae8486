"""HTML and SVG as strings, tables included: text is escaped unless it is `Markup`, which only this module makes."""

import re
from collections.abc import Iterable, Sequence
from html import escape

_UNFIT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
"""Characters that HTML may not hold, though file names can."""
_VOID = frozenset({"meta", "br", "path", "line", "use", "image"})
"""Elements that are closed in their own tag when they have no children."""

Attribute = str | int | float | bool | None


class Markup(str):
    """A string that is HTML already and is not escaped again."""

    __slots__ = ()


def text(value: object) -> Markup:
    """Any value as escaped text; markup stays as it is."""
    return value if isinstance(value, Markup) else Markup(escape(_UNFIT.sub("\ufffd", str(value))))


def tag(name: str, /, *children: object, **attributes: Attribute) -> Markup:
    """An element. `class_` and `aria_label` stand for class and aria-label; what is None is left out."""
    opened = "".join((name, *(_attribute(key, value) for key, value in attributes.items())))
    if name in _VOID and not children:
        return Markup(f"<{opened}/>")
    return Markup(f"<{opened}>{joined(children)}</{name}>")


def joined(children: Iterable[object]) -> Markup:
    """Children one after the other; None is left out."""
    return Markup("".join(text(child) for child in children if child is not None))


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


def _attribute(key: str, value: Attribute) -> str:
    name = key.rstrip("_").replace("_", "-")
    if value is None or value is False:
        return ""
    return f' {name}="{"" if value is True else text(value)}"'
