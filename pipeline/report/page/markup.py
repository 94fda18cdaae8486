"""HTML and SVG as strings: all text is escaped unless it is `Markup`, which only this module makes."""

import re
from collections.abc import Iterable
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


def _attribute(key: str, value: Attribute) -> str:
    name = key.rstrip("_").replace("_", "-")
    if value is None or value is False:
        return ""
    return f' {name}="{"" if value is True else text(value)}"'
