"""The timeline section of the report page: segments, windows with their overlaps, and foot contacts."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from pipeline.report.page.clock import Clock
from pipeline.report.page.markup import Markup, folded, joined, table, tag
from pipeline.report.page.plot import SIDE, figure, time_axis
from pipeline.report.page.words import count, listed

NAMED = 24
"""With more windows or cuts than this there is no room for their numbers."""
LANES = tuple((foot, part) for foot in ("left", "right") for part in ("heel", "toe"))


def cuts_of(report: dict[str, Any]) -> list[int]:
    """The first frame of every shot but the first."""
    return [int(cut) for cut in report["camera"].get("cuts") or [] if cut > 0]


def joins_of(report: dict[str, Any]) -> list[int]:
    """The middle frame of every overlap, where one window gives way to the next."""
    return [window["start"] + window["overlap"] // 2 for window in report["windows"] if window["overlap"]]


def timeline(report: dict[str, Any], clock: Clock) -> Markup:
    """Lanes of segments, windows and contacts on one time axis, and the same as tables."""
    cuts = cuts_of(report)
    lanes = [_lane("Segments", _segments(report["segments"], clock), cuts, clock)]
    lanes += [_lane("Windows", _windows(report["windows"], clock), cuts, clock, "double")]
    for foot, part in LANES:
        spans = [
            (each["start"], each["stop"]) for each in report["contacts"] if (each["foot"], each["part"]) == (foot, part)
        ]
        lanes.append(_lane(f"{foot.capitalize()} {part}", [_spans(spans, clock)], cuts, clock, f"foot {foot}"))
    drawn = tag("div", *lanes, time_axis(clock), class_="plot lanes", role="img", aria_label=_summary(report, cuts))
    caption = (
        "What the person does, the windows in which the engine worked (darker where two share frames and blend),"
        " and when each heel and toe stands still on the ground." + _cuts(cuts)
    )
    return joined((figure(caption, drawn), *_tables(report)))


def _lane(name: str, blocks: Iterable[object], cuts: Sequence[int], clock: Clock, kind: str = "") -> Markup:
    lines = [tag("i", class_="cut", style=f"left:{100 * clock.share(cut):.2f}%") for cut in cuts]
    return tag(
        "div", tag("span", name, class_="lane-name"), tag("div", *blocks, *lines, class_=f"track {kind}"), class_="lane"
    )


def _block(start: int, stop: int, clock: Clock, kind: str, shown: object = None) -> Markup:
    left, right = 100 * clock.share(start), 100 * clock.share(stop)
    return tag("span", shown, class_=f"block {kind}", style=f"left:{left:.3f}%;width:{right - left:.3f}%")


def _segments(segments: Sequence[dict[str, Any]], clock: Clock) -> Iterator[Markup]:
    known = ("approach", "hold", "exit")
    for each in segments:
        kind = each["name"] if each["name"] in known else "part"
        yield _block(each["start"], each["stop"], clock, kind, tag("span", each["name"]))


def _windows(windows: Sequence[dict[str, Any]], clock: Clock) -> Iterator[Markup]:
    for at, each in enumerate(windows):
        kind = f"window {'even' if at % 2 else 'odd'}"
        yield _block(each["start"], each["stop"], clock, kind, tag("span", at + 1) if len(windows) <= NAMED else None)
    for each in windows:
        if each["overlap"]:
            yield _block(each["start"], each["start"] + each["overlap"], clock, "shared")


def _spans(spans: Sequence[tuple[int, int]], clock: Clock) -> Markup | None:
    """Many blocks without text, drawn as one SVG path."""
    edges = [(SIDE * clock.share(start), SIDE * clock.share(stop)) for start, stop in spans]
    path = "".join(f"M{left:.1f} 0H{right:.1f}V1H{left:.1f}Z" for left, right in edges)
    if not spans:
        return None
    return tag("svg", tag("path", d=path), viewBox=f"0 0 {SIDE} 1", preserveAspectRatio="none", aria_hidden="true")


def _cuts(cuts: Sequence[int]) -> str:
    """A sentence that lists the cuts; empty where there are none."""
    if not cuts:
        return ""
    places = listed([f"frame {cut:,}" for cut in cuts]) if len(cuts) <= NAMED else f"{len(cuts):,} of them"
    return f" Upright lines are cuts of the film: {places}."


def _summary(report: dict[str, Any], cuts: Sequence[int]) -> str:
    segments = [f"{each['name']} frames {each['start']} to {each['stop'] - 1}" for each in report["segments"]]
    counts = [
        count(len(report["windows"]), "window"),
        count(len(report["contacts"]), "foot contact"),
        count(len(cuts), "cut"),
    ]
    return f"Timeline. {listed(segments) or 'No segments'}. {', '.join(counts)}."


def _tables(report: dict[str, Any]) -> Iterator[Markup]:
    if report["segments"]:
        rows = [(each["name"], each["start"], each["stop"] - 1, each["reason"]) for each in report["segments"]]
        titles = ("segment", "first frame", "last frame", "why")
        yield folded("Segments, and why they are cut there", table("Segments", titles, rows, numbers=(1, 2)))
    if report["windows"]:
        headers = (
            "window",
            "segment",
            "first frame",
            "last frame",
            "shared with the one before",
            "box",
            "colours locked",
        )
        rows_of = map(_window_row, range(1, 1 + len(report["windows"])), report["windows"])
        yield folded("Windows in a table", table("Windows", headers, rows_of, numbers=(2, 3, 4)))
    if not report["contacts"]:
        yield tag("p", "No heel or toe was found standing still.", class_="nothing")


def _window_row(number: int, window: dict[str, Any]) -> Sequence[object]:
    left, top, right, bottom = window["box"]
    box = tag("span", f"{right - left}\u202f×\u202f{bottom - top} at {left}, {top}", class_="whole")
    locked = "yes" if window["colour_locked"] else "not needed"
    return number, window["segment"], window["start"], window["stop"] - 1, window["overlap"], box, locked
