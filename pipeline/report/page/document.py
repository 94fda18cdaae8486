"""The document: one file, no network, nothing but what the report says."""

from pathlib import Path
from typing import Any

from pipeline.report.page.camera import camera
from pipeline.report.page.clock import Clock
from pipeline.report.page.feet import feet
from pipeline.report.page.figures import figures
from pipeline.report.page.markup import Markup, joined, tag
from pipeline.report.page.origin import origin
from pipeline.report.page.pictures import pictures
from pipeline.report.page.stages import stages
from pipeline.report.page.steadiness import steadiness
from pipeline.report.page.timeline import timeline
from pipeline.report.page.words import count, duration

POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'"
"""Nothing is fetched, whatever the page holds."""
BESIDE = {
    "report.json": "every number on this page, for programs",
    "camera.json": "the camera's path as it was measured",
    "stable.json": "the calm path in which the engine worked",
    "sheet.jpg": "the pictures above, as one file",
}


def page(told: dict[str, Any], sheet_jpg: bytes) -> str:
    """The whole page, from the report's values and the contact sheet."""
    clock = Clock(_length(told), told["fps"])
    body = (
        _headline(told, clock),
        _section("pictures", "Before and after", pictures(sheet_jpg, clock)),
        _section("figures", "Key figures", figures(told)),
        _section("events", "What there is to know", _events(told)),
        _section("camera", "The camera", camera(told, clock)),
        _section("timeline", "The timeline", timeline(told, clock)),
        _section("feet", "The feet", feet(told, clock)),
        _section("steadiness", "Steady from frame to frame", steadiness(told, clock)),
        _section("time", "Where the time went", stages(told)),
        _section("origin", "Where it comes from", origin(told)),
        _section("files", "Beside this page", _files()),
    )
    head = (
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=POLICY),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("title", f"{told['clip']['name']} · Reshoot report"),
        tag("style", _beside("style.css")),
    )
    main = tag("main", *body, data_frames=clock.frames, data_fps=clock.fps)
    html = tag("html", tag("head", *head), tag("body", main, tag("script", _beside("script.js"))), lang="en")
    return f"<!doctype html>\n{html}\n"


def _length(told: dict[str, Any]) -> int:
    """Frames of the clip; when nobody counted them, as far as anything reaches."""
    if told["frames_in"] is not None:
        return int(told["frames_in"])
    known = [len(path) for path in told["camera"]["path_px"].values()]
    return max([*known, *(each["stop"] for each in told["segments"])], default=0)


def _beside(name: str) -> Markup:
    return Markup(Path(__file__).with_name(name).read_text("utf-8"))


def _section(name: str, title: str, content: Markup) -> Markup:
    return tag("section", tag("h2", title, id=f"{name}-title"), content, id=name, aria_labelledby=f"{name}-title")


def _headline(told: dict[str, Any], clock: Clock) -> Markup:
    """What came out, in two sentences."""
    name = tag("bdi", told["clip"]["name"])
    engine = told["provenance"]["engine"]
    look = (engine.get("settings") or {}).get("generate.look")
    if not told["windows"]:
        title = joined((name, " came through as it was"))
    else:
        title = joined((name, ", restyled", joined((" as ", tag("em", look))) if look else None))
    return tag(
        "header",
        tag("p", "Reshoot", class_="brand"),
        tag("h1", title),
        tag("p", joined((_came_out(told, clock), " ", _took(told))), class_="lede"),
    )


def _came_out(told: dict[str, Any], clock: Clock) -> Markup:
    engine = told["provenance"]["engine"]
    made, (width, height) = told["frames_out"], told["clip"]["size"]
    amount = "An unknown number of frames" if made is None else count(made, "frame")
    rate = f"{clock.fps:.3f}".rstrip("0").rstrip(".") if clock.fps else None
    length = f", {duration(clock.seconds)} at {rate} fps" if clock.seconds else ""
    by = joined((", made by ", engine.get("label") or engine.get("engine")))
    picture = f", {width}\u00a0×\u00a0{height} px"
    return joined((amount, length, picture, by if told["windows"] else ", with nothing to restyle", "."))


def _took(told: dict[str, Any]) -> str:
    runs = told["stages"]
    if not runs or told["seconds"] is None:
        return ""
    cached = sum(run["cache"] == "hit" for run in runs)
    said = f"The run took {duration(told['seconds'])}"
    return said + (f"; {cached} of {count(len(runs), 'step')} came from the cache." if cached else ".")


def _events(told: dict[str, Any]) -> Markup:
    """What was done otherwise than asked, and what the clip itself is like."""
    notes = [("clip", "note", note) for note in told["clip"]["notes"]]
    events = [(each["stage"], each["level"], each["sentence"]) for each in told["events"]]
    items = [
        tag("li", tag("span", level, class_="level"), tag("span", sentence), tag("small", f" {stage}"),
            class_="warning" if level == "warning" else "note")
        for stage, level, sentence in (*events, *notes)
    ]  # fmt: skip
    if not items:
        return tag("p", "Everything ran as it was asked to.", class_="nothing")
    return tag("ul", *items, class_="events")


def _files() -> Markup:
    return tag(
        "ul", *(tag("li", tag("a", name, href=name), f": {what}") for name, what in BESIDE.items()), class_="files"
    )
