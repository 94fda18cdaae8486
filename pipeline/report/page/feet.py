"""The feet section of the report page: how far each contact slides, as generated and after the correction."""

from collections.abc import Sequence
from typing import Any

from pipeline.report.page.clock import Clock, nice_ticks
from pipeline.report.page.markup import Markup, folded, joined, table, tag
from pipeline.report.page.plot import SIDE, figure, scale
from pipeline.report.page.words import NOTHING, quantity

MOST = 60
"""With more contacts, only those that slid furthest are drawn; the table has them all."""
CROWDED = 16
"""With more contacts than this, colours instead of names say which foot it is."""
FILL = 0.36
"""The width of each of the two bars of a contact, as a share of its room."""


def feet(report: dict[str, Any], clock: Clock) -> Markup:
    """A bar chart of the slide, a pair of bars for every contact, and the same as a table."""
    slide = report["slide_px"] or {}
    contacts = slide.get("contacts") or []
    measured = [each for each in contacts if _highest(each) is not None]
    if not measured:
        return tag("p", f"{NOTHING.capitalize()}: no planted foot was measured in this result.", class_="nothing")
    worst = sorted(measured, key=lambda each: -(_highest(each) or 0))[:MOST]
    shown = sorted(worst, key=lambda each: (each.get("start") or 0, str(each.get("foot")), str(each.get("part"))))
    some = f" The {MOST} of {len(measured)} that slid furthest are drawn." if len(measured) > MOST else ""
    caption = f"Mean slide over the ground of every contact, in the order in which they happen.{some}"
    return joined((figure(caption, _bars(shown, clock), _spread(slide)), _table(contacts)))


def _highest(contact: dict[str, Any]) -> float | None:
    """The larger slide of before and after; None where neither was measured."""
    known = [value for value in (contact.get("before"), contact.get("after")) if value is not None]
    return max(known) if known else None


def _bars(contacts: Sequence[dict[str, Any]], clock: Clock) -> Markup:
    crowded = len(contacts) > CROWDED
    ticks = nice_ticks(0.0, max(_highest(each) or 0.0 for each in contacts), 4)
    top, room = ticks[-1][0], SIDE / len(contacts)
    grid = tag("path", d="".join(f"M0 {SIDE * (1 - value / top):.1f}H{SIDE}" for value, _ in ticks), class_="grid")
    groups = []
    for at, contact in enumerate(contacts):
        pair = [_bar((at + 0.5 - FILL) * room, room, contact.get("before"), top, "before")]
        pair += [_bar((at + 0.5) * room, room, contact.get("after"), top, "after")]
        groups.append(tag("g", tag("title", _tooltip(contact, clock)), *pair))
    label = f"Slide of {len(contacts)} contacts in px, before and after the lock; the numbers are in the table below."
    drawn = tag(
        "svg", grid, *groups, viewBox=f"0 0 {SIDE} {SIDE}", preserveAspectRatio="none", role="img", aria_label=label
    )
    keys = ("before", "after", "left", "right") if crowded else ("before", "after")
    legend = tag("span", *(tag("span", key, class_=f"key {key}") for key in keys), class_="legend")
    names = [tag("span", _short(each), class_=str(each.get("foot"))) for each in contacts]
    return tag(
        "div",
        tag("div", tag("h4", "Slide", tag("small", " px")), legend, class_="plot-head"),
        tag("div", scale(ticks), tag("div", drawn, class_="area"), class_="plot-body"),
        tag("div", *names, class_="columns" + (" crowded" if crowded else ""), aria_hidden="true"),
        class_="plot",
    )


def _bar(left: float, room: float, value: float | None, top: float, role: str) -> Markup | None:
    if value is None:
        return None
    height = SIDE * value / top
    return tag("path", d=f"M{left:.1f} {SIDE}V{SIDE - height:.1f}h{FILL * room:.1f}V{SIDE}Z", class_=f"bar {role}")


def _short(contact: dict[str, Any]) -> str:
    return f"{str(contact.get('foot', ''))[:1].upper()} {contact.get('part', '')}".strip()


def _tooltip(contact: dict[str, Any], clock: Clock) -> str:
    values = [f"{name} {contact[name]:.2f} px" for name in ("before", "after") if contact.get(name) is not None]
    when = f" from {clock.moment(contact['start'])}" if contact.get("start") is not None else ""
    return f"{contact.get('foot', '')} {contact.get('part', '')}{when}: {', '.join(values)}"


def _spread(slide: dict[str, Any]) -> Markup | None:
    """A sentence with the 95th percentiles of the slide, where they are known."""
    before, after = slide.get("p95_before"), slide.get("p95_after")
    if before is None and after is None:
        return None
    known = [(name, value) for name, value in (("before", before), ("after", after)) if value is not None]
    sides = [joined((", " if at else None, name, " ", quantity(value, "px"))) for at, (name, value) in enumerate(known)]
    start = "In nineteen of twenty contact frames a foot slides less than this: "
    return tag("p", start, *sides, ".", class_="aside")


def _table(contacts: Sequence[dict[str, Any]]) -> Markup:
    rows = [
        (
            tag("span", f"{each.get('foot', '')} {each.get('part', '')}", class_="whole"),
            each.get("start"), None if each.get("stop") is None else each["stop"] - 1,
            quantity(each.get("before")), quantity(each.get("after")),
        )
        for each in contacts
    ]  # fmt: skip
    titles = ("contact", "first frame", "last frame", "before, px", "after, px")
    return folded("Every contact in a table", table("Slide of every contact", titles, rows, numbers=(1, 2, 3, 4)))
