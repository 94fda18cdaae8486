"""The report page of an alignment: one HTML file that loads nothing, and a folder with it, the map and the pictures."""

import base64
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.align.drift import Drift
from pipeline.align.report import ASSETS
from pipeline.align.report.matched_frames import MatchedFrames, Picked
from pipeline.align.report.pictures import COLUMNS, HEADS, PICTURES, SHEET, STRIP
from pipeline.align.report.plot import DriftPlot
from pipeline.align.report.words import MEANINGS, Row, numbers_of, rows_of, sentence_of
from pipeline.align.time_map import TimeMap
from pipeline.report.page import document
from pipeline.report.page.markup import Markup, joined, table, tag
from pipeline.report.page.plot import figure
from utils.atomic_file import explained, write_atomically
from utils.media.clip import Clip
from utils.store import Entry

PAGE, PLOT, MAP = "index.html", "drift.svg", "map.json"
HOUSE_STYLE = Path(document.__file__).with_name("style.css")
WINDOW_FRAMES = 30
"""Over so many frames a steady run is measured, where nobody says otherwise."""
FILES = {
    MAP: "the time of every frame, for programs",
    PLOT: "the drift plot",
    SHEET: "the check sheet, as one picture",
    STRIP: "the pictures by which this page slides through both clips",
}
Take = Callable[..., Entry]
"""Takes the result of a stage, as a run does."""
CAPTION = (
    "Above, the background’s time less the steady run of most frames: slopes are another speed, steps are cuts. Below,"
    " how far each frame is off the run of those around it. Within one frame of the background, nobody sees it."
)
CHECK = "The six frames that may be furthest off, their uncertainty included, and six that were drawn at random."


@dataclass(frozen=True)
class AlignReport:
    """The report of an alignment, whose pictures are in the cache."""

    frames: MatchedFrames
    drift: Drift
    pictures: Entry

    @classmethod
    def of(
        cls, background: Clip, foreground: Clip, found: TimeMap, take: Take, window: int = WINDOW_FRAMES
    ) -> "AlignReport":
        """That of a pair, whose pictures a run takes."""
        drift = Drift.of(found, background, window)
        frames = MatchedFrames(background, foreground, found, Picked.of(found, drift))
        return cls(frames, drift, take(PICTURES, frames=frames))

    def write(self, folder: Path) -> None:
        """Write the whole report into a folder, which is made if need be."""
        with explained(folder):
            folder.mkdir(parents=True, exist_ok=True)
            for name in (SHEET, STRIP):
                write_atomically(folder / name, self.pictures.read_bytes(name))
            write_atomically(folder / MAP, json.dumps(self.document, indent=1))
            write_atomically(folder / PLOT, self.plot)
            write_atomically(folder / PAGE, self.page())

    @property
    def document(self) -> dict[str, Any]:
        """The map, for people and for other programs."""
        return self.frames.map.document(self.frames.background, self.frames.foreground)

    @property
    def numbers(self) -> dict[str, Any]:
        """The measures of the alignment."""
        return numbers_of(self.frames.map)

    @property
    def plot(self) -> Markup:
        """The drift plot."""
        return DriftPlot(self.frames.background, self.frames.foreground, self.frames.map, self.drift).svg()

    def told(self, strip: str = "") -> dict[str, Any]:
        """What the scrub is told: the frames of the strip, and how they lie on it."""
        rows = [row.to_json() for row in rows_of(self.frames)]
        count = len(self.frames.foreground)
        return {"frames": rows, "count": count, "columns": COLUMNS, "tile": list(self.frames.tile), "strip": strip}

    def page(self) -> str:
        """The HTML of the page, with everything in it."""
        background, foreground = self.frames.background, self.frames.foreground
        title = joined((tag("bdi", foreground.path.name), " over ", tag("bdi", background.path.name)))
        lede = sentence_of(self.frames.map, self.numbers)
        rows = list(rows_of(self.frames))
        body = (
            tag(
                "header",
                tag("p", "Reshoot", class_="brand"),
                tag("h1", title),
                tag("p", lede, class_="lede"),
            ),
            _section("drift", "How time runs", figure(CAPTION, self.plot)),
            _section("scrub", "Through both clips", tag("reshoot-scrub", data_told=json.dumps(self.told()))),
            _section("sheet", "Check sheet", self._sheet(rows), tag("p", CHECK, class_="aside")),
            _section("frames", "What is known", self._labels()),
            _section("files", "Beside this page", _files()),
        )
        head = (
            tag("meta", charset="utf-8"),
            tag("meta", http_equiv="Content-Security-Policy", content=document.POLICY),
            tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
            tag("meta", name="color-scheme", content="light dark"),
            tag("title", f"{foreground.path.name} over {background.path.name} · Reshoot"),
            tag("style", self._style(len(rows))),
        )
        script = tag("script", _asset(ASSETS / "scrub.js"))
        html = tag("html", tag("head", *head), tag("body", tag("main", *body), script), lang="en")
        return f"<!doctype html>\n{html}\n"

    def _style(self, count: int) -> Markup:
        """The style sheets, and the strip, which stands in the page once."""
        strip = base64.b64encode(self.pictures.read_bytes(STRIP)).decode()
        width, height = self.frames.tile
        places = f"--columns: {COLUMNS}; --rows: {-(-count // COLUMNS)}; --ratio: {width / height:.5f};"
        sheets = [_asset(HOUSE_STYLE), *(_asset(ASSETS / name) for name in ("scrub.css", "page.css"))]
        return Markup("\n".join([*sheets, f':root {{ --strip: url("data:image/jpeg;base64,{strip}"); {places} }}']))

    def _sheet(self, rows: Sequence[Row]) -> Markup:
        """The rows of the check sheet, their pictures cut from the strip."""
        shown = [(at, row) for at, row in enumerate(rows) if row.why]
        shown.sort(key=lambda each: (each[1].why != "worst", each[1].index))
        return tag("ol", *(_check_row(at, row) for at, row in shown), class_="rows")

    def _labels(self) -> Markup:
        """How many frames have each label, and what it says."""
        counts = self.frames.map.counts
        rows = [(label, f"{counts[label]:,}", said) for label, said in MEANINGS.items() if label in counts]
        return table("Frames of the foreground", ("label", "frames", "its time is"), rows, numbers=(1,))


def _check_row(at: int, row: Row) -> Markup:
    kinds = range(len(HEADS) if row.background_s is not None else 1)
    tiles = [
        tag("figure", tag("div", tag("i", class_="fore"), tag("i", class_="back"), class_=f"scrub-tile kind-{kind}",
            role="img", aria_label=f"Frame {row.index}: {HEADS[kind]}"), tag("figcaption", HEADS[kind]))
        for kind in kinds
    ]  # fmt: skip
    words = tag("p", tag("b", f"Frame {row.index}, {row.why}"), *(joined((line, tag("br"))) for line in row.lines))
    place = f"--column: {at % COLUMNS}; --row: {at // COLUMNS}"
    return tag("li", words, tag("div", *tiles, class_="scrub-tiles", style=place))


def _files() -> Markup:
    rows = (tag("li", tag("a", name, href=name), f": {what}") for name, what in FILES.items())
    return tag("ul", *rows, class_="files")


def _section(name: str, title: str, *content: Markup) -> Markup:
    return tag("section", tag("h2", title, id=f"{name}-title"), *content, id=name, aria_labelledby=f"{name}-title")


def _asset(path: Path) -> Markup:
    """A style sheet or script, to be put into the page."""
    return Markup(path.read_text("utf-8"))
