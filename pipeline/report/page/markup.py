"""Markup that cannot be broken by what it holds: all text is escaped unless it was made here."""

import re
from collections.abc import Iterable
from html import escape

_UNFIT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
"""Characters that no page may hold; file names can."""
_VOID = frozenset({"meta", "br", "path", "line", "use", "image"})

Attribute = str | int | float | bool | None


class Markup(str):
    """Text that is markup already."""

    __slots__ = ()


def text(value: object) -> Markup:
    """Anything as text that shows itself and does nothing else."""
    return value if isinstance(value, Markup) else Markup(escape(_UNFIT.sub("\ufffd", str(value))))


def tag(name: str, /, *children: object, **attributes: Attribute) -> Markup:
    """An element. `class_` and `aria_label` stand for class and aria-label; what is None is left out."""
    opened = "".join((name, *(_attribute(key, value) for key, value in attributes.items())))
    if name in _VOID and not children:
        return Markup(f"<{opened}/>")
    return Markup(f"<{opened}>{joined(children)}</{name}>")


def joined(children: Iterable[object]) -> Markup:
    """One after the other; None is nothing."""
    return Markup("".join(text(child) for child in children if child is not None))


def _attribute(key: str, value: Attribute) -> str:
    name = key.rstrip("_").replace("_", "-")
    if value is None or value is False:
        return ""
    return f' {name}="{"" if value is True else text(value)}"'
