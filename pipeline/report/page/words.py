"""Numbers as text: how many digits, which unit, and what stands for a number that is missing."""

from math import floor, log10

from pipeline.report.page.markup import Markup, joined, tag

NOTHING = "nothing to measure"


def rounded(value: float) -> str:
    """A number with two or three telling digits: 1,234, 12.3, 1.04, 0.62, 0.042; integers whole."""
    if isinstance(value, int) or value == 0:
        return f"{int(value):,}"
    power = floor(log10(abs(value)))
    return f"{value:,.{min(max((2 if power >= 0 else 1) - power, 0), 6)}f}"


def exact(value: float, shown: str) -> Markup:
    """A rounded number as an HTML `data` element that carries the exact one."""
    return tag("data", shown, value=repr(value))


def quantity(value: float | None, unit: str = "") -> Markup:
    """A number with its unit, or the words that there is none."""
    if value is None:
        return tag("span", NOTHING, class_="none")
    return joined((exact(value, rounded(value)), tag("span", f"\u00a0{unit}", class_="unit") if unit else None))


def percent(share: float | None) -> Markup:
    """A share as percent; 100 % only if it is exactly 1."""
    if share is None:
        return tag("span", NOTHING, class_="none")
    shown = rounded(min(100 * share, 99.9) if share < 1 else 100)
    return joined((exact(share, shown), tag("span", "\u00a0%", class_="unit")))


def change(before: float | None, after: float | None, unit: str) -> Markup:
    """A number before, an arrow, and the number after."""
    if before is None and after is None:
        return quantity(None)
    start = tag("span", tag("span", "before ", class_="unseen"), _side(before), class_="was")
    arrow = tag("span", " → ", class_="arrow", aria_hidden="true")
    return joined((start, arrow, tag("span", " after ", class_="unseen"), _side(after, unit)))


def _side(value: float | None, unit: str = "") -> Markup:
    return tag("span", "none", class_="none") if value is None else quantity(value, unit)


def duration(seconds: float) -> str:
    """A duration: 0.42 s, 12.3 s, 3 min 05 s, 1 h 02 min."""
    if 0 < seconds < 0.01:
        return "under 0.01 s"
    if seconds < 59.95:
        return f"{rounded(seconds)} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02} s"
    return f"{minutes // 60} h {minutes % 60:02} min"


def amount_bytes(count: int) -> str:
    """A number of bytes in decimal units: 532 B, 4.2 MB."""
    value = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000:
            return f"{value:.0f} B" if unit == "B" else f"{value:.3g} {unit}"
        value /= 1000
    return f"{value:.3g} TB"


def count(number: int, noun: str) -> str:
    """A count with its noun: 1 frame, 300 frames."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def listed(parts: list[str]) -> str:
    """A list in a sentence: one, two and three."""
    return " and ".join((", ".join(parts[:-1]), parts[-1])) if len(parts) > 1 else "".join(parts)
