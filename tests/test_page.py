"""The page of a run: whole, self-contained, safe whatever it is told, and true to its numbers."""

import copy
import json
import math
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import cv2
import numpy as np
import pytest

from pipeline.report.contact_sheet import ContactSheet
from pipeline.report.page import page
from pipeline.report.page.plot import MOST_POINTS
from pipeline.settings import Settings
from utils.image import Size
from utils.image.geometry import moved
from utils.walker import Shot, walk

VOID = {"meta", "br"}
MARKS = re.compile(r'<h3>(?P<title>[^<]+?) ?<span class="mark (?P<mark>\w+)">')
SIZE, FRAMES = Size(160, 90), 36


class Reader(HTMLParser):
    """Collects what a page is made of, and complains where elements do not close one another in order."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(html)
        self.close()
        assert not self.open

    def handle_starttag(self, name: str, attributes: list[tuple[str, str | None]]) -> None:
        assert len(dict(attributes)) == len(attributes), f"{name} says something twice"
        self.tags.append((name, dict(attributes)))
        if name not in VOID:
            self.open.append(name)

    def handle_startendtag(self, name: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append((name, dict(attributes)))

    def handle_endtag(self, name: str) -> None:
        assert self.open.pop() == name

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in ("style", "script"):
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def all(self, name: str) -> list[dict[str, str | None]]:
        return [attributes for tag_name, attributes in self.tags if tag_name == name]


def sheet(count: int) -> bytes:
    """As the result lays it out: pairs in rows of six."""
    size = Size(40, 24)
    columns, rows = min(6, count), math.ceil(count / 6)
    ramp = np.linspace(0, 255, columns * size.width_px).astype(np.uint8)
    picture = np.broadcast_to(ramp[None, :, None], (rows * 2 * size.height_px, len(ramp), 3))
    return bytes(cv2.imencode(".jpg", np.ascontiguousarray(picture))[1])


def contact(foot: str, part: str, start: int, before: float | None, after: float | None) -> dict[str, Any]:
    return {"foot": foot, "part": part, "start": start, "stop": start + 9, "before": before, "after": after}


@pytest.fixture(scope="module")
def report() -> dict[str, Any]:
    """What a run of the walker tells: its true camera, and numbers that are easily told apart."""
    filmed = [truth.view.camera for _, truth in walk(Shot(size=SIZE, frames=FRAMES))]
    middle = (np.array(SIZE)[None] - 1) / 2
    before = np.array([moved(each, middle)[0] for each in filmed]) - middle
    contacts = [contact("left", "heel", 3, 2.1234, 0.2345), contact("right", "toe", 16, 1.75, None)]
    errors = [None, *(10 + index / 7 for index in range(FRAMES - 1))]
    box = [10, 5, 90, 88]
    return {
        "schema": 3,
        "sureness": {"camera": 0.9876, "person": 0.62, "feet": 0.12},
        "clip": {"name": "walk.mp4", "size": [*SIZE], "notes": ["The sound ends early."]},
        "frames_in": FRAMES, "frames_out": FRAMES, "fps": 24.0, "audio_offset_ms": 0.0208,
        "camera": {
            "jerk_before": 3.42117, "jerk_after": 0.04151, "roundtrip_psnr": 43.71234, "crop": 1.0,
            "confidence": 0.9712, "canvas": [172, 101],
            "path_px": {"before": before.round(3).tolist(), "after": (before * 0.1).round(3).tolist()},
        },
        "segments": [
            {"name": "approach", "start": 0, "stop": 14, "reason": "the person walks up"},
            {"name": "hold", "start": 14, "stop": 22, "reason": "the person stands"},
            {"name": "exit", "start": 22, "stop": FRAMES, "reason": "the person walks off"},
        ],
        "windows": [
            {"segment": "approach", "start": 0, "stop": 14, "overlap": 0, "box": box, "colour_locked": False},
            {"segment": "hold", "start": 9, "stop": FRAMES, "overlap": 5, "box": box, "colour_locked": True},
        ],
        "subject": {"detected_fraction": 0.99667}, "plate": {"seen_fraction": 0.87123},
        "contacts": [{name: each[name] for name in ("foot", "part", "start", "stop")} for each in contacts],
        "slide_px": {"before": 2.41, "after": 0.372, "p95_before": 5.11, "p95_after": 0.912,
                     "leg_percent_after": 0.2134, "contacts": contacts},
        "warp_error": {"source": 14.123, "result": 15.345, "ratio": 1.0865},
        "flicker_hold": {"source": 1.913, "result": 1.442},
        "seam_ratio": 1.0432, "colour_drift": 0.6234, "edit_magnitude": 16.8123,
        "warp_errors": {"source": errors, "result": [value and value * 1.1 for value in errors]},
        "seconds": 57.9,
        "stages": [
            {"name": "analyse", "seconds": 48.21, "cache": "miss", "bytes": 4_210_000},
            {"name": "make with restyle", "seconds": 9.5, "cache": "miss", "bytes": 38_000_000},
            {"name": "make with restyle", "seconds": 0.2, "cache": "hit", "bytes": 39_000_000},
        ],
        "making": {
            "windows": 2, "frames": 41, "seconds": 9.41, "vram_mb": 21_480,
            "estimate": {"seconds": 12.2, "vram_mb": 19_073, "basis": "measured on this machine 12 times"},
            "card": {"name": "NVIDIA A40", "busy": 0.8712, "peak_mb": 21_480.0, "total_mb": 46_068.0, "readings": 9},
            "clearing": {"when": "window", "times": 2, "seconds": 0.0712}, "calls": [],
        },
        "peak_rss_mb": 911.3,
        "events": [{"stage": "analyse", "level": "warning", "sentence": "Two people were seen."}],
        "provenance": {
            "clip_digest": "a1" * 32, "settings": Settings().flat() | {"stabilise.window_s": 2.5},
            "engine": {"engine": "restyle", "version": 1, "label": "Restyle (CPU, no model)",
                       "settings": {"generate.look": "paint"}, "fallbacks": ["a smaller size"]},
            "tools": {"numpy": "1.26.4"}, "machine": {"system": "Linux"},
        },
    }  # fmt: skip


def emptied(value: Any) -> Any:
    """A report with no number known and nothing in any list."""
    if isinstance(value, dict):
        return {key: emptied(each) for key, each in value.items()}
    return [] if isinstance(value, list) else None if isinstance(value, int | float) else value


def empty(report: dict[str, Any]) -> dict[str, Any]:
    """A run that measured nothing; a picture has a size all the same."""
    told: dict[str, Any] = emptied(report)
    told["clip"]["size"], told["camera"]["canvas"] = [160, 90], [172, 101]
    return told


def spoiled(report: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A copy in which `group__key` is something else."""
    told = copy.deepcopy(report)
    for path, value in changes.items():
        *groups, key = path.split("__")
        place = told
        for group in groups:
            place = place[group]
        place[key] = value
    return told


def long(report: dict[str, Any], count: int) -> dict[str, Any]:
    """A run of so many frames."""
    times = np.arange(count)
    path = np.stack([np.sin(times / 5), np.cos(times / 7)], 1).round(3).tolist()
    steps = [contact("left", "toe", start, 1 + start % 13 / 7, 0.5) for start in range(0, count - 20, 30)]
    return spoiled(
        report, frames_in=count, frames_out=count, contacts=steps, slide_px__contacts=steps,
        camera__path_px={"before": path, "after": path},
        warp_errors={name: [None, *np.abs(np.sin(times[1:] / 9)).round(5).tolist()] for name in ("source", "result")},
        windows=[
            {"segment": "part", "start": start, "stop": min(count, start + 245), "overlap": 5 * (start > 0),
             "box": [0, 0, 9, 9], "colour_locked": False} for start in range(0, count, 240)
        ],
    )  # fmt: skip


def marks(html: str) -> dict[str, str]:
    return {found["title"]: found["mark"] for found in MARKS.finditer(html)}


def check(html: str) -> Reader:
    """Whole, drawn well, and nothing in it leads outside."""
    read = Reader(html)
    for drawing in re.findall(r"<svg.*?</svg>", html, re.DOTALL):
        ElementTree.fromstring(drawing)
    assert "NaN" not in html.partition("<script>")[0] and "None" not in read.text and "nan" not in read.text.split()
    for name, attributes in read.tags:
        for key in ("src", "href", "srcset", "action", "style"):
            target = attributes.get(key) or ""
            assert "//" not in target.partition(",")[0] and "url(" not in target, f"{name} leads to {target[:80]}"
    assert not {"link", "iframe", "object", "embed", "base"} & {name for name, _ in read.tags}
    style = re.search(r"<style>(.*?)</style>", html, re.DOTALL)
    assert style and not re.search(r"url\(|@import|@font-face|http", style[1])
    ids = [attributes["id"] for _, attributes in read.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    return read


def test_the_page_is_whole_and_needs_nothing_else(report: dict[str, Any]) -> None:
    html = page(report, sheet(12))
    read = check(html)
    assert html.startswith("<!doctype html>") and read.all("html")[0]["lang"] == "en"
    assert "default-src 'none'" in str(read.all("meta")[1]["content"])
    assert {str(each["href"]) for each in read.all("a")} == {"report.json", "camera.json", "stable.json", "sheet.jpg"}


def test_it_can_be_read_without_eyes_for_pictures(report: dict[str, Any]) -> None:
    html = page(report, sheet(12))
    read = check(html)
    levels = [int(name[1]) for name, _ in read.tags if re.fullmatch("h[1-6]", name)]
    assert levels[0] == 1 and levels.count(1) == 1
    for drawn in read.all("svg"):
        assert drawn.get("aria-label") or drawn.get("aria-hidden") == "true"
    assert len(read.all("figure")) == len(read.all("figcaption")) == 5
    assert len(read.all("table")) == len(read.all("caption")) == len(read.all("thead"))
    assert all(each.get("scope") in ("col", "row") for each in read.all("th"))
    assert "Sideways, px. before: from " in html


def test_every_number_is_the_measured_one(report: dict[str, Any]) -> None:
    read = check(page(report, sheet(12)))
    shown = {float(str(each["value"])) for each in read.all("data")}
    camera, slide = report["camera"], report["slide_px"]
    assert shown >= {
        report["frames_in"], report["audio_offset_ms"], report["subject"]["detected_fraction"],
        camera["jerk_before"], camera["jerk_after"], camera["roundtrip_psnr"], camera["crop"], camera["confidence"],
        *report["warp_error"].values(), *report["flicker_hold"].values(), report["edit_magnitude"],
        report["seam_ratio"], report["colour_drift"], report["plate"]["seen_fraction"], report["peak_rss_mb"],
        *(value for name, value in slide.items() if name != "contacts"), 2.1234, 0.2345, 1.75,
        48.21, 9.7, 77_000_000,
    }  # fmt: skip
    assert "3.42 → after 0.042" in read.text and "43.7 dB" in read.text.replace("\xa0", " ")


def test_lines_carry_the_measured_values(report: dict[str, Any]) -> None:
    read = check(page(report, sheet(12)))
    drawn = [json.loads(str(each["data-lines"])) for each in read.all("div") if "data-lines" in each]
    sideways, upright, jerks, warp = drawn
    for axis, plot in enumerate((sideways, upright)):
        for line in plot:
            values = [point[axis] for point in report["camera"]["path_px"][line["name"]]]
            assert [index for index, _ in line["points"]] == list(range(FRAMES))
            assert np.allclose([value for _, value in line["points"]], values, rtol=1e-4)
    assert jerks[0]["points"][0][0] == 3
    assert warp[1]["name"] == "result" and warp[1]["points"][0][0] == 1
    assert np.allclose([value for _, value in warp[1]["points"]], report["warp_errors"]["result"][1:], rtol=1e-4)


def test_the_headline_says_what_came_out(report: dict[str, Any]) -> None:
    text = check(page(report, sheet(12))).text
    assert "walk.mp4 , restyled as paint" in text
    assert "36 frames, 1.50 s at 24 fps, 160 × 90 px, made by Restyle (CPU, no model)." in text.replace("\xa0", " ")
    assert "The run took 57.9 s; 1 of 3 steps came from the cache." in text
    assert "Two people were seen." in text and "The sound ends early." in text and "a smaller size" in text


def test_names_from_outside_stay_names(report: dict[str, Any]) -> None:
    nasty = "<script>alert(1)</script>\"'&\x00\udcff<!--]]></style>.mp4"
    told = spoiled(
        report, clip__name=nasty, clip__notes=[nasty], events=[{"stage": nasty, "level": nasty, "sentence": nasty}],
        provenance__engine__label=nasty, provenance__engine__settings={"generate.look": nasty},
        provenance__tools={nasty: nasty}, provenance__settings={"generate.reference": nasty, nasty: nasty},
        segments=[{"name": nasty, "start": 0, "stop": 36, "reason": nasty}],
        stages=[{"name": nasty, "seconds": 1.0, "cache": nasty, "bytes": 1}],
        slide_px__contacts=[contact(nasty, nasty, 3, 1.0, 0.5)],
    )  # fmt: skip
    html = page(told, sheet(12))
    read = check(html)
    html.encode("utf-8")
    assert len(read.all("script")) == 1 and "alert(1)" not in html.rpartition("<script>")[2]
    assert read.text.count("<script>alert(1)</script>\"'&\ufffd\ufffd<!--]]></style>.mp4") >= 12


def test_where_nothing_was_measured_it_says_so(report: dict[str, Any]) -> None:
    html = page(empty(report), b"")
    text = check(html).text
    assert "came through as it was" in text and "There are no pictures" in text
    assert text.lower().count("nothing to measure") >= 10
    assert not marks(html)


@pytest.mark.parametrize("slide", [None, {}, {"before": None, "after": None, "p95_after": None}, {"contacts": []}])
def test_slides_may_be_missing(report: dict[str, Any], slide: dict[str, Any] | None) -> None:
    text = check(page(spoiled(report, slide_px=slide), sheet(12))).text
    assert "no planted foot was measured" in text


def test_each_number_alone_may_be_missing(report: dict[str, Any]) -> None:
    paths = [(name,) for name in report] + [
        (name, key) for name in ("camera", "warp_error", "flicker_hold", "slide_px") for key in report[name]
    ]
    for path in paths:
        place: Any = report
        for key in path:
            place = place[key]
        if isinstance(place, int | float):
            check(page(spoiled(report, **{"__".join(path): None}), sheet(1)))


def test_a_clip_of_one_frame(report: dict[str, Any]) -> None:
    told = spoiled(
        empty(report), frames_in=1, frames_out=1, fps=25.0,
        camera__path_px={"before": [[0.0, 0.0]], "after": [[0.0, 0.0]]},
        warp_errors={"source": [None], "result": [None]},
        segments=[{"name": "part", "start": 0, "stop": 1, "reason": "it is short"}],
    )  # fmt: skip
    read = check(page(told, sheet(1)))
    assert "1 frame, 0.040 s at 25 fps" in read.text
    assert [
        each["viewbox"] for each in read.all("svg") if (each.get("aria-label") or "").startswith("Source above")
    ] == ["0 0 40 48"]


def test_a_long_clip_makes_no_large_page(report: dict[str, Any]) -> None:
    html = page(long(report, 20_000), sheet(12))
    read = check(html)
    assert len(html) < 3_000_000
    assert "The 60 of 666 that slid furthest are drawn." in read.text
    for each in read.all("div"):
        for line in json.loads(each.get("data-lines") or "[]"):
            assert 500 < len(line["points"]) <= 1.5 * MOST_POINTS


def test_moments_are_cut_out_where_they_lie(report: dict[str, Any]) -> None:
    read = check(page(report, sheet(12)))
    boxes = [each["viewbox"] for each in read.all("svg") if (each.get("aria-label") or "").startswith("Source above")]
    assert len(boxes) == 12 and boxes[0] == "0 0 40 48" and boxes[5] == "200 0 40 48" and boxes[6] == "0 48 40 48"
    assert "Frame 35, 1.46 s" in read.text


def test_a_sheet_of_a_real_run_is_cut_into_its_pairs(report: dict[str, Any], tmp_path: Path) -> None:
    contact_sheet = ContactSheet(8, whole=True)
    for number in range(8):
        picture = np.full((80, 60, 3), 20 * number, np.uint8)
        contact_sheet.add(number, picture, picture, np.zeros((80, 60), np.uint8))
    contact_sheet.write(tmp_path / "sheet.jpg")
    read = check(page(spoiled(report, frames_in=8), (tmp_path / "sheet.jpg").read_bytes()))
    whole = cv2.imread(str(tmp_path / "sheet.jpg"))
    boxes = [each["viewbox"] for each in read.all("svg") if (each.get("aria-label") or "").startswith("Source above")]
    assert len(boxes) == 8
    for number, box in enumerate(boxes):
        left, top, width, height = (int(each) for each in str(box).split())
        assert np.abs(whole[top : top + height, left : left + width].astype(int) - 20 * number).max() <= 3


@pytest.mark.parametrize(
    ("changes", "title", "mark"),
    [
        ({}, "Camera jerk", "good"),
        ({"camera__jerk_after": 4.0}, "Camera jerk", "attention"),
        ({"camera__jerk_after": 2.0}, "Camera jerk", None),
        ({}, "Round trip", "good"),
        ({"camera__roundtrip_psnr": 37.0}, "Round trip", None),
        ({"camera__roundtrip_psnr": 30.0}, "Round trip", "attention"),
        ({}, "Steadiness", "good"),
        ({"warp_error__ratio": 2.0}, "Steadiness", "attention"),
        ({"edit_magnitude": 0.1}, "Steadiness", "attention"),
        ({"seam_ratio": 1.4}, "Seams", "attention"),
        ({"colour_drift": 1.5}, "Colour drift", None),
        ({"colour_drift": 3.0}, "Colour drift", "attention"),
        ({"slide_px__after": 3.0}, "Foot slide", "attention"),
        ({"slide_px__before": 0.33, "slide_px__after": 0.34}, "Foot slide", "good"),
        ({"frames_out": 35}, "Frames", "attention"),
        ({"audio_offset_ms": -80.0}, "Sound", "attention"),
    ],
)
def test_marks_follow_the_numbers(
    report: dict[str, Any], changes: dict[str, Any], title: str, mark: str | None
) -> None:
    assert marks(page(spoiled(report, **changes), sheet(12))).get(title) == mark


def test_settings_that_were_changed_stand_out(report: dict[str, Any]) -> None:
    html = page(report, sheet(12))
    assert "<td><strong>2.5 s</strong></td><td>1.0</td>" in html
    assert html.count("<td>same</td>") == len(Settings.fields()) - 1


def test_the_timeline_shows_cuts_when_they_are_told(report: dict[str, Any]) -> None:
    assert "cuts of the film: frame 22" in page(spoiled(report, camera__cuts=[0, 22]), sheet(12))
    assert "cuts of the film" not in page(report, sheet(12))


def luminance(colour: str) -> float:
    """Of #rrggbb, by WCAG."""
    levels = np.array([int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)])
    linear = np.where(levels <= 0.04045, levels / 12.92, ((levels + 0.055) / 1.055) ** 2.4)
    return float(linear @ (0.2126, 0.7152, 0.0722))


def test_words_stand_out_from_their_ground_in_light_and_dark(report: dict[str, Any]) -> None:
    html = page(report, sheet(12))
    schemes = [dict(re.findall(r"--(\w+): (#\w{6})", part)) for part in re.findall(r":root \{(.*?)\}", html, re.DOTALL)]
    light, dark = schemes[:2]
    pairs = [(word, "paper", 4.5) for word in ("ink", "soft", "after", "good", "attention")]
    pairs += [("on", ground, 4.5) for ground in ("approach", "hold", "exit", "part", "window")]
    pairs += [(shape, "paper", 3.0) for shape in ("before", "left", "right", "join")]
    for scheme in (light, dark):
        for shape, ground, least in pairs:
            low, high = sorted((luminance(scheme[shape]), luminance(scheme[ground])))
            assert (high + 0.05) / (low + 0.05) >= least, f"{shape} on {ground}"


def test_what_the_engine_took_stands_beside_what_was_expected(report: dict[str, Any]) -> None:
    text = Reader(page(report, sheet(12))).text
    told = text.partition("What the engine took")[2]
    assert "2 windows of 41 frames 12.2 s, measured on this machine 12 times 9.41 s" in told
    assert "NVIDIA A40 was busy" in told and "87.1" in told
    assert "memory of the card, at most 20 GB 22.5 GB" in told
    assert "memory given back after each window 2 times, 0.071 s in all" in told


def test_without_a_card_and_with_all_from_the_cache_nothing_of_it_is_said(report: dict[str, Any]) -> None:
    without = {**report["making"], "card": None, "vram_mb": 0}
    told = Reader(page({**report, "making": without}, sheet(12))).text.partition("What the engine took")[2]
    assert "busy" not in told and "memory of the card" not in told and "9.41 s" in told
    assert "nothing to do" in Reader(page({**report, "making": None}, sheet(12))).text
