"""A guide that leads an engine: picture n in frame n, laid over the source, and refused where it does not fit."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.engines.base import Caps, EngineError, EngineFrame, Lengths, View, Window
from pipeline.engines.vace.engine import ENGINE as VACE
from pipeline.jobs.order import make_order
from pipeline.library import given, inputs
from pipeline.make.given_guide import given_guide, guides_nothing
from pipeline.preview import frame
from pipeline.report.journey import Journey
from pipeline.restyle.kind import KIND
from pipeline.see.open_clip import open_clip
from pipeline.stage import RunContext, Stage
from pipeline.types import NO_CONTROL
from tests.engines import Draw, Drawing
from tests.journeys import bench, filmed, hits, journey, pictures, with_settings, written
from utils.errors import ClipError, SettingsError
from utils.image import RGB, Size
from utils.media.intake import probe
from utils.media.timebase import Span
from utils.store import Entry
from utils.walker import Shot

pytestmark = pytest.mark.slow

SHOT = Shot(size=(160, 96), frames=40)
FREE = Span(20, 25)
CAPS = Caps(
    kind="segment",
    lengths=Lengths(preferred=17, most=17, step=4, rest=1),
    size_multiple=16,
    controls=frozenset({"pose", "edges"}),
    carry=(1, 5),
)


def marked(picture: RGB, index: int, step: int = 2) -> RGB:
    """A picture in grey at half its contrast, brighter by a step for every frame: it tells place and time."""
    grey = picture.mean(axis=2, keepdims=True) / 2 + step * index
    return np.asarray(np.repeat(np.rint(grey), 3, axis=2), np.uint8)


@dataclass(frozen=True)
class Film:
    """A clip in a home of its own, and guides for it."""

    clip: Path
    guides: Mapping[str, Path]
    context: RunContext

    def led_by(self, guide: str, **changed: Any) -> RunContext:
        """The context of a run with one of the guides."""
        return with_settings(self.context, generate__guide=str(self.guides[guide]), **changed)


class Seen(Drawing):
    """An engine that gives back what it sees, and what each of its frames was led by, by the window's first frame."""

    def __init__(self, name: str = "led", caps: Caps = CAPS) -> None:
        self.leads: dict[int, list[tuple[View, RGB | None]]] = defaultdict(list)
        super().__init__(name, self._draw, caps)

    def _draw(self, window: Window) -> Draw:
        def draw(view: View) -> EngineFrame:
            control = window.controls.get("edges")
            self.leads[window.span.start].append((view, control(view) if control else None))
            return EngineFrame(view.rgb)

        return draw


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Film:
    folder = tmp_path_factory.mktemp("film")
    clip, grey = filmed(folder, SHOT), np.full((96, 160, 3), NO_CONTROL, np.uint8)
    source = pictures(probe(clip))
    shown = [marked(each, index) for index, each in enumerate(source)]
    guides = {
        "whole": written(folder / "whole.mp4", shown),
        "gap": written(folder / "gap.mp4", [grey if i in FREE else each for i, each in enumerate(shown)]),
        "short": written(folder / "short.mp4", shown[:30]),
        "square": written(folder / "square.mp4", [each[:, :96] for each in shown]),
        "small": written(folder / "small.mp4", [each[::2, ::2] for each in shown]),
    }
    return Film(clip, guides, bench(folder / "cache"))


@dataclass(frozen=True)
class Led:
    """A finished run and what its engine was shown."""

    made: Journey
    engine: Seen


@pytest.fixture(scope="module")
def led(film: Film) -> Led:
    engine = Seen()
    return Led(journey(film.clip, film.led_by("gap"), engine), engine)


def check_lies_over(view: View, control: RGB, index: int) -> None:
    """Fail unless a control picture shows frame `index` of the source where the view shows it."""
    away = control.astype(float) - marked(view.rgb, 0)
    assert abs(np.median(away) - 2 * index) <= 1.5, "it is of another frame"
    still = np.abs(away - np.median(away))
    assert np.percentile(still, 90) < 8 and still.mean() < 4, "it lies elsewhere"
    shifted = np.abs(np.roll(control.astype(float), 3, axis=1) - marked(view.rgb, 0) - np.median(away))
    assert shifted.mean() > 1.5 * still.mean()


def test_every_frame_is_led_by_its_own_picture_in_the_crop_that_the_engine_sees(film: Film, led: Led) -> None:
    """In all windows, also of those that go on from another, and in the frames that only fill up the last one."""
    starts = [window.span for window in led.engine.windows]
    assert len(starts) > 2 and starts[1].start < starts[0].stop
    assert sum(view.corner != (0, 0) for view, _ in led.engine.leads[starts[1].start]) > 5
    camera = led.made.stable.path.matrices
    assert np.abs(np.diff(camera[:, :2, 2], axis=0)).max() > 0.5, "the picture is really moved"
    for views in led.engine.leads.values():
        for view, control in views:
            if view.index not in FREE:
                assert control is not None and control.shape == view.rgb.shape
                check_lies_over(view, control, min(view.index, SHOT.frames - 1))


def test_frames_that_a_guide_leaves_free_have_no_control_and_are_told(film: Film, led: Led) -> None:
    controls = {view.index: control for views in led.engine.leads.values() for view, control in views}
    assert {index for index, control in controls.items() if control is None} == set(FREE)
    (event,) = [each for each in led.made.events if "guide" in each.sentence]
    assert event.sentence == "The guide leaves frames 20-24 free: nothing leads led there."


def test_another_guide_makes_the_windows_again_and_nothing_before_them(film: Film, led: Led) -> None:
    again = journey(film.clip, film.led_by("whole"), Seen())
    missed = {name for name, hit in hits(again).items() if not hit}
    assert {"given guide", "make with led"} <= missed
    assert missed.isdisjoint({"analyse", "ground", "joints", "contacts", "segments", "stabilise", "samples"})
    engine = Seen()
    assert all(hits(journey(film.clip, film.led_by("gap"), engine)).values()) and not engine.windows


def test_an_engine_that_cannot_be_led_says_so_and_does_not_look_at_the_guide(film: Film) -> None:
    plain = journey(film.clip, film.context)
    given = journey(film.clip, film.led_by("square"))
    assert all(hits(given).values()) and "given guide" not in hits(given)
    told = {each.sentence for each in given.events} - {each.sentence for each in plain.events}
    assert told == {"restyle is not led by a guide."}


def test_a_preview_is_led_by_the_picture_of_its_frame(film: Film, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Seen()
    monkeypatch.setattr(frame, "find_engine", lambda name: engine)
    clip = open_clip(film.clip, film.context)
    for index in (13, 22):
        made = frame.preview_frame(clip, film.led_by("gap"), index / (len(clip) - 1))
        assert any("free" in event for event in made.events)
        ((view, control),) = engine.leads.pop(index)
        if index in FREE:
            assert control is None
        else:
            assert control is not None
            check_lies_over(view, control, index)


def guide_of(film: Film, name: str, **changed: Any) -> list[RGB | None]:
    """The pictures of a guide for the clip, or for the part of it that is set."""
    context = film.led_by(name, **changed)

    def take(stage: Stage, **inputs: Any) -> Entry:
        return stage.result(context, **inputs)

    clip = open_clip(film.clip, context)
    guide, _ = given_guide(take, clip, context, Seen())
    assert guide is not None
    return list(guide.pictures(clip.span, clip.size))


def levels(found: list[RGB | None]) -> list[float]:
    """How bright each picture is."""
    return [float(each.mean()) for each in found if each is not None]


def test_a_guide_for_the_whole_file_is_cut_with_the_clip_and_one_for_the_part_is_not(film: Film) -> None:
    """Picture 0 is for the first frame that is used, or, of one for all frames of the file, for the first of these."""
    whole = levels(guide_of(film, "whole"))
    assert len(whole) == SHOT.frames
    assert levels(guide_of(film, "whole", trim__from_s=10 / 30)) == pytest.approx(whole[10:], abs=0.01)
    assert levels(guide_of(film, "short", trim__from_s=10 / 30)) == pytest.approx(whole[:30], abs=1)


def test_a_smaller_guide_of_the_same_shape_is_scaled(film: Film) -> None:
    small, whole = guide_of(film, "small"), guide_of(film, "whole")
    assert {Size.of(each) for each in small if each is not None} == {Size(160, 96)}
    assert levels(small) == pytest.approx(levels(whole), abs=3)


@pytest.mark.parametrize("name", ["square", "short"])
def test_a_guide_that_does_not_fit_is_refused_with_what_would(film: Film, name: str) -> None:
    with pytest.raises(ClipError) as caught:
        guide_of(film, name)
    assert "--size 160x96 --fps 30 --frames 40" in caught.value.remedy
    assert ("96x96" if name == "square" else "30 frames") in caught.value.problem


def test_an_order_keeps_its_guide_as_a_clip_of_the_library(film: Film, tmp_path: Path) -> None:
    """By its digest, and the file itself stays as it is; anything else that a browser names is no guide."""
    guide, name = film.guides["whole"], "generate.guide"
    touched_ns = guide.stat().st_mtime_ns
    kept = inputs.keep_files(tmp_path, KIND, {name: str(guide)})
    clip = inputs.keep(tmp_path, film.clip, "clip")
    order = make_order(KIND, {"clip": clip}, "Walk", kept, "fast")
    assert order.inputs == {"clip": clip, "guide": kept[name]} and not order.settings
    assert inputs.ids(order.inputs.values()) >= {clip, kept[name]}, "and is not thrown away"
    settings = order.task(tmp_path)[2]
    assert Path(settings[name]).read_bytes() == guide.read_bytes()
    assert given.at_home(kept, [name], tmp_path) == {name: settings[name]}
    assert given.known(tmp_path, "guide", kept[name]) == kept[name] and guide.stat().st_mtime_ns == touched_ns
    assert not any(given.known(tmp_path, "guide", each) for each in (settings[name], str(guide), "0" * 64, "../clips"))
    with pytest.raises(SettingsError, match=r"The guide of these settings is not on this machine"):
        given.at_home({name: "0" * 64}, [name], tmp_path)


def test_nothing_as_the_lead_and_a_guide_do_not_go_together() -> None:
    with pytest.raises(EngineError, match="A guide is given"):
        VACE.models({"generate.control": "none", "generate.guide": "guide.mp4"})


def test_only_a_picture_that_is_grey_all_over_guides_nothing() -> None:
    grey = np.full((90, 160, 3), NO_CONTROL, np.uint8)
    noise = np.random.default_rng(0).integers(-6, 7, grey.shape)
    assert guides_nothing(grey) and guides_nothing((grey + noise).astype(np.uint8))
    line = grey.copy()
    line[40] = 255
    assert (
        not guides_nothing(line)
        and not guides_nothing(np.zeros_like(grey))
        and not guides_nothing(np.full_like(grey, 255))
    )
