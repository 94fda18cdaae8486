"""The document of the report page: one HTML file, drawn from the report alone, that loads nothing from outside."""

from pathlib import Path
from typing import Any

from pipeline.report.page.camera import camera
from pipeline.report.page.clock import Clock
from pipeline.report.page.feet import feet
from pipeline.report.page.figures import figures
from pipeline.report.page.making import making
from pipeline.report.page.markup import Markup, joined, tag
from pipeline.report.page.origin import origin
from pipeline.report.page.pictures import pictures
from pipeline.report.page.stages import stages
from pipeline.report.page.steadiness import steadiness
from pipeline.report.page.timeline import timeline
from pipeline.report.page.words import count, duration
from pipeline.report.sureness import sureness_in_words

POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'"
"""Content security policy: nothing is fetched, whatever the page holds."""
FILES = {
    "report.json": "every number on this page, for programs",
    "camera.json": "the camera's path as it was measured",
    "stable.json": "the calm path in which the engine worked",
    "sheet.jpg": "the pictures above, as one file",
}
"""The files that lie beside the page, and what each holds."""


def page(report: dict[str, Any], sheet_jpg: bytes) -> str:
    """The HTML of the page, from the report and the contact sheet."""
    clock = Clock(_length(report), report["fps"])
    body = (
        _headline(report, clock),
        _section("pictures", "Before and after", pictures(sheet_jpg, clock)),
        _section("figures", "Key figures", figures(report)),
        _section("sureness", "How sure the numbers are", _sureness(report)),
        _section("events", "What there is to know", _events(report)),
        _section("camera", "The camera", camera(report, clock)),
        _section("timeline", "The timeline", timeline(report, clock)),
        _section("feet", "The feet", feet(report, clock)),
        _section("steadiness", "Steady from frame to frame", steadiness(report, clock)),
        _section("time", "Where the time went", stages(report)),
        _section("making", "What the engine took", making(report)),
        _section("origin", "Where it comes from", origin(report)),
        _section("files", "Beside this page", _files()),
    )
    head = (
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=POLICY),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("title", f"{report['clip']['name']} · Reshoot report"),
        tag("style", _asset("style.css")),
    )
    main = tag("main", *body, data_frames=clock.frames, data_fps=clock.fps)
    html = tag("html", tag("head", *head), tag("body", main, tag("script", _asset("script.js"))), lang="en")
    return f"<!doctype html>\n{html}\n"


def _length(report: dict[str, Any]) -> int:
    """The frame count of the clip; where it is unknown, as far as the camera path or a segment reaches."""
    if report["frames_in"] is not None:
        return int(report["frames_in"])
    known = [len(path) for path in report["camera"]["path_px"].values()]
    return max([*known, *(each["stop"] for each in report["segments"])], default=0)


def _asset(name: str) -> Markup:
    """The style sheet or script that lies beside this module, to be put into the page."""
    return Markup(Path(__file__).with_name(name).read_text("utf-8"))


def _section(name: str, title: str, content: Markup) -> Markup:
    return tag("section", tag("h2", title, id=f"{name}-title"), content, id=name, aria_labelledby=f"{name}-title")


def _headline(report: dict[str, Any], clock: Clock) -> Markup:
    """The page header: the clip, the look, and the result in two sentences."""
    name = tag("bdi", report["clip"]["name"])
    engine = report["provenance"]["engine"]
    look = (engine.get("settings") or {}).get("generate.look")
    if not report["windows"]:
        title = joined((name, " came through as it was"))
    else:
        title = joined((name, ", restyled", joined((" as ", tag("em", look))) if look else None))
    return tag(
        "header",
        tag("p", "Reshoot", class_="brand"),
        tag("h1", title),
        tag("p", joined((_result_sentence(report, clock), " ", _time_sentence(report))), class_="lede"),
    )


def _result_sentence(report: dict[str, Any], clock: Clock) -> Markup:
    engine = report["provenance"]["engine"]
    frames, (width, height) = report["frames_out"], report["clip"]["size"]
    amount = "An unknown number of frames" if frames is None else count(frames, "frame")
    rate = f"{clock.fps:.3f}".rstrip("0").rstrip(".") if clock.fps else None
    length = f", {duration(clock.seconds)} at {rate} fps" if clock.seconds else ""
    by = joined((", made by ", engine.get("label") or engine.get("engine")))
    picture = f", {width}\u00a0×\u00a0{height} px"
    return joined((amount, length, picture, by if report["windows"] else ", with nothing to restyle", "."))


def _time_sentence(report: dict[str, Any]) -> str:
    runs = report["stages"]
    if not runs or report["seconds"] is None:
        return ""
    cached = sum(run["cache"] == "hit" for run in runs)
    sentence = f"The run took {duration(report['seconds'])}"
    return sentence + (f"; {cached} of {count(len(runs), 'step')} came from the cache." if cached else ".")


def _events(report: dict[str, Any]) -> Markup:
    """The list of warnings and notes of the run, and of notes about the clip."""
    notes = [("clip", "note", note) for note in report["clip"]["notes"]]
    events = [(each["stage"], each["level"], each["sentence"]) for each in report["events"]]
    items = [
        tag("li", tag("span", level, class_="level"), tag("span", sentence), tag("small", f" {stage}"),
            class_="warning" if level == "warning" else "note")
        for stage, level, sentence in (*events, *notes)
    ]  # fmt: skip
    if not items:
        return tag("p", "Everything ran as it was asked to.", class_="nothing")
    return tag("ul", *items, class_="events")


def _sureness(report: dict[str, Any]) -> Markup:
    """On how much of the clip the numbers rest, in sentences."""
    items = [
        tag("li", tag("span", sentence), class_="warning" if verdict == "look" else "note")
        for verdict, sentence in sureness_in_words(report["sureness"] or {})
    ]
    return tag("ul", *items, class_="events")


def _files() -> Markup:
    return tag(
        "ul", *(tag("li", tag("a", name, href=name), f": {what}") for name, what in FILES.items()), class_="files"
    )
