"""A costly engine is never run twice for nothing: what it made is kept for itself, and so is the engine once opened."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import permutations
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import pytest

from pipeline.engines import weights
from pipeline.engines.base import Caps, Engine, EngineFrame, View, Window
from pipeline.engines.sessions import Sessions
from pipeline.make.made_window import MadeWindow, making
from pipeline.plan.style_samples import STYLE_SAMPLES, StyleSamples
from pipeline.report.journey import Journey
from pipeline.report.report import report
from pipeline.settings import Settings
from pipeline.stage import Digested, RunContext
from tests.empty_weights import empty_weights
from tests.engines import Blended, Draw, Drawing, plain
from tests.journeys import bench, finished, hits, journey, same, written
from utils.image import RGB
from utils.people.pose import ANKLES
from utils.walker import Shot, walk

pytestmark = pytest.mark.slow

SHOT = Shot(size=(320, 180), frames=48)
WINDOWS: dict[str, Any] = {"segments__count": 3, "segments__least_s": 0.2, "segments__overlap_frames": 5}
LATER: dict[str, dict[str, Any]] = {
    "consistency": {"consistency__strength": 0.4, "consistency__reanchor_frames": 5},
    "foot_lock": {
        "foot_lock__blend": 0.5,
        "foot_lock__limit_percent": 40.0,
        "foot_lock__extension_frames": 4,
        "foot_lock__plant_leg_per_s": 0.1,
        "foot_lock__lift_leg_per_s": 0.9,
    },
    "composite": {"composite__feather_px": 6, "composite__background": "plate"},
    "reshake": {"reshake__strength": 0.5},
    "encode": {"encode__crf": 30, "encode__x264_preset": "ultrafast"},
}
"""Every setting of what comes after the engine, each with another value than usual."""
RESTYLES = Caps("frame")
CARRIES = replace(RESTYLES, kind="segment", carry=(1, 5))


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("film") / "walk.mp4", [rgb for rgb, _ in walk(SHOT)])


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One for all, in which a clip is analysed once; what engines of different names make lies apart in it."""
    return tmp_path_factory.mktemp("cache")


def drifting(window: Window) -> Draw:
    """Colours wander off by as much as a window begins late; what is carried on decides how light the result is."""
    carried = 0.0 if window.carry is None or not window.carry.frames else float(window.carry.frames[0].mean())
    gain = 1 + 0.002 * window.span.start

    def draw(view: View) -> EngineFrame:
        lit = np.clip(gain * view.rgb.astype(float) + carried / 64, 0, 255)
        return EngineFrame(lit.round().astype(np.uint8))

    return draw


def latents(window: Window) -> Mapping[str, np.ndarray[Any, Any]]:
    return {"latents": np.full((2, 4), window.span.start, np.float32)}


ENGINES: dict[str, Engine] = {
    "free": Drawing("free", drifting, RESTYLES),
    "carrying": Drawing("carrying", drifting, CARRIES, state=latents),
    "blended": Blended(),
}


@pytest.fixture(params=ENGINES, scope="module")
def made(request: pytest.FixtureRequest, path: Path, cache: Path) -> Journey:
    """A first run with each of the engines."""
    return journey(path, bench(cache, **WINDOWS), ENGINES[request.param])


def asked(engine: Engine) -> list[Window]:
    """The windows that a test's engine was given."""
    windows: list[Window] = engine.windows  # type: ignore[attr-defined]
    return windows


def test_every_setting_of_what_comes_later_is_tried() -> None:
    later = {name for name in Settings().flat() if name.partition(".")[0] in LATER}
    assert {name.replace("__", ".") for group in LATER.values() for name in group} == later


@pytest.mark.parametrize("group", LATER)
def test_what_comes_later_never_runs_the_engine(made: Journey, path: Path, cache: Path, group: str) -> None:
    before = len(asked(made.engine))
    assert before >= 3, "the first run did call it"
    other = journey(path, bench(cache, **WINDOWS, **LATER[group]), made.engine)
    assert len(asked(made.engine)) == before
    assert hits(other)[f"make with {made.engine.name}"]
    assert hits(other)["analyse"] and not all(hits(other).values()), "and the setting did change something"


def test_another_compression_only_encodes(made: Journey, path: Path, cache: Path) -> None:
    other = journey(path, bench(cache, **WINDOWS, encode__crf=33), made.engine)
    assert {name for name, hit in hits(other).items() if not hit} == {"encode"}
    assert other.measured.numbers == made.measured.numbers


def test_the_feet_settings_do_not_change_what_an_engine_sees(path: Path, cache: Path) -> None:
    seen: list[list[View]] = []
    for rule in (0.05, 0.9):
        engine = Drawing(f"watching at {rule}", caps=RESTYLES)
        settings: dict[str, Any] = {"foot_lock__plant_leg_per_s": rule, "foot_lock__lift_leg_per_s": 2 * rule}
        journey(path, bench(cache, **WINDOWS, **settings), engine)
        seen.append([view for window in engine.windows for view in window.views()])
    for one, other in zip(*seen, strict=True):
        assert np.array_equal(one.rgb, other.rgb) and np.array_equal(one.matte, other.matte)
        assert np.array_equal(one.keypoints, other.keypoints, equal_nan=True)
    assert np.isfinite(seen[0][0].keypoints[list(ANKLES)]).all()


@dataclass
class Bound:
    """The stage that makes windows, with all inputs but the plan and the window before."""

    made: Journey
    on: RunContext
    engine: Engine

    def make(self, number: int, before: MadeWindow | None = None) -> MadeWindow:
        stable = self.made.stable.for_windows(5)
        samples = StyleSamples(STYLE_SAMPLES.result(self.on, stable=stable))
        plan = self.made.frames.windows[number].plan
        inputs: dict[str, Digested] = {"stable": stable, "samples": samples, "plan": plan}
        if before:
            inputs["before"] = before
        return MadeWindow(
            plan, making(self.engine, Sessions()).result(self.on, models=self.engine.models({}), **inputs)
        )


@pytest.mark.parametrize("order", list(permutations(range(3)))[1::2])
def test_windows_can_be_made_in_any_order(path: Path, cache: Path, tmp_path: Path, order: tuple[int, ...]) -> None:
    made = journey(path, bench(cache, **WINDOWS), ENGINES["free"])
    bound = Bound(made, bench(tmp_path, **WINDOWS), ENGINES["free"])
    found = {number: bound.make(number).digest for number in order}
    assert [found[number] for number in range(3)] == [each.made.digest for each in made.frames.windows[:3]]


def test_windows_can_be_made_at_the_same_time(path: Path, cache: Path, tmp_path: Path) -> None:
    made = journey(path, bench(cache, **WINDOWS), ENGINES["free"])
    bound, found = Bound(made, bench(tmp_path, **WINDOWS), ENGINES["free"]), dict[int, str]()
    threads = [Thread(target=lambda n=n: found.update({n: bound.make(n).digest})) for n in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [found[number] for number in range(3)] == [each.made.digest for each in made.frames.windows[:3]]


def test_a_carrying_engine_gets_the_tail_of_the_window_before(path: Path, cache: Path) -> None:
    """As that one made it, with its colours put right, where it had pixels, and what its engine left."""
    engine = Drawing("tail", drifting, CARRIES, state=latents)
    made = journey(path, bench(cache, **WINDOWS), engine)
    first, second, third = engine.windows[:3]
    assert first.carry is None and second.carry is not None and third.carry is not None
    assert len(second.carry.frames) == len(second.carry.valid) == 5
    assert second.carry.state["latents"].tolist() == [[first.span.start] * 4] * 2
    plan, before = made.frames.windows[1].plan, made.frames.windows[0]
    views = list(made.stable.views(plan.span, plan.box))[:5]
    for view, frame, valid in zip(views, second.carry.frames, second.carry.valid, strict=True):
        inside = valid > 0
        assert inside.any() and not frame[~inside].any()
        assert np.abs(frame[inside].astype(float) - view.rgb[inside]).mean() < 4, "it shows this window's own moment"
    assert before.plan.box & plan.box


def test_what_is_carried_survives_in_the_cache(path: Path, cache: Path) -> None:
    """A window that is lost is made again from the kept tail of the one before, which is not made again."""
    engine = Drawing("surviving", drifting, CARRIES, state=latents)
    made = journey(path, bench(cache, **WINDOWS), engine)
    calls, digests = len(engine.windows), [each.made.digest for each in made.frames.windows]
    lost = made.frames.windows[1].made.entry
    for each in made.frames.windows:
        each.made.entry.close()
    folder = lost.folder
    (folder / "made.json").chmod(0o644)
    (folder / "made.json").write_text("{}")
    again = journey(path, bench(cache, **WINDOWS), engine)
    assert len(engine.windows) == calls + 1
    assert [each.made.digest for each in again.frames.windows] == digests


def test_nothing_that_is_steadied_feeds_an_engine(path: Path, cache: Path) -> None:
    """With the strongest and with no consistency, an engine that carries on is given the same."""
    given: list[list[RGB]] = []
    for strength in (0.0, 1.0):
        engine = Drawing(f"unfed at {strength}", drifting, CARRIES)
        journey(path, bench(cache, **WINDOWS, consistency__strength=strength), engine)
        given.append([frame for window in engine.windows if window.carry for frame in window.carry.frames])
    assert given[0] and all(np.array_equal(one, other) for one, other in zip(*given, strict=True))


def test_other_weights_are_another_result(path: Path, cache: Path) -> None:
    engine = Drawing("weighty", caps=RESTYLES, weights={"unet": "1" * 64})
    journey(path, bench(cache, **WINDOWS), engine)
    other = replace(engine, weights={"unet": "2" * 64}, windows=[])
    journey(path, bench(cache, **WINDOWS), other)
    assert len(other.windows) == len(engine.windows) >= 3


def test_a_run_keeps_to_its_checkpoint_though_a_better_one_comes(
    path: Path, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Low effort prefers the one that is fetched while the first window is made."""
    for name in ("RESHOOT_HOME", "RESHOOT_MODELS", "HF_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name))
    models = tmp_path / "RESHOOT_MODELS"

    def fetching(window: Window) -> Draw:
        empty_weights(models, "wan-vace-14b-few-steps")
        return plain(window)

    empty_weights(models, "wan-vace-1.3b")
    engine = Drawing("vace", fetching, RESTYLES, settings=("generate.model", "generate.effort"))
    made = journey(path, bench(cache, **WINDOWS, generate__effort="low"), engine)
    assert weights.checkpoint("vace", made.settings) == "wan-vace-14b-few-steps", "which another run will take"
    assert {window.settings["generate.model"] for window in engine.windows} == {"wan-vace-1.3b"}
    assert len(engine.windows) >= 3 and made.settings["generate.model"] == "", "the result carries what was asked for"


def test_fallbacks_of_every_window_are_told(path: Path, cache: Path) -> None:
    said = "The card's memory ran out, so the text encoder was moved off it."
    made = journey(path, bench(cache, **WINDOWS), Drawing("falling back", caps=RESTYLES, fallbacks=(said,)))
    told = report(made)
    (event,) = [each for each in told["events"] if said in each["sentence"]]
    assert event["level"] == "warning" and "frames 0-" in event["sentence"]
    assert [each["fallbacks"] for each in told["windows"]] == [[said]] * len(made.frames.windows)


class TestSessions:
    """An engine that was opened stays open."""

    HEAVY = Drawing("heavy", caps=RESTYLES, weights={"model": "3" * 64}, opening=("generate.seed",))

    @pytest.fixture
    def heavy(self) -> Drawing:
        return replace(self.HEAVY, opened=[], closed=[], windows=[])

    def test_a_run_opens_it_once_and_the_next_one_not_at_all(self, heavy: Drawing, path: Path, cache: Path) -> None:
        sessions = Sessions()
        for look in ("ink", "clay"):
            on = replace(bench(cache, **WINDOWS, generate__look=look), sessions=sessions)
            journey(path, on, replace(heavy, settings=("generate.look",)))
        assert len(heavy.opened) == 1 and len(heavy.windows) >= 6

    def test_a_run_that_finds_all_in_the_cache_opens_nothing(self, heavy: Drawing, path: Path, cache: Path) -> None:
        journey(path, bench(cache, **WINDOWS), heavy)
        count = len(heavy.opened)
        journey(path, bench(cache, **WINDOWS), heavy)
        assert len(heavy.opened) == count == 1

    def test_other_opening_settings_open_another_one(self, heavy: Drawing) -> None:
        sessions = Sessions()
        for seed in (1, 1, 2, 2):
            with sessions.use(heavy, {"generate.seed": seed}, lambda share, note: None):
                pass
        assert heavy.opened == [{"generate.seed": 1}, {"generate.seed": 2}] and heavy.closed == ["heavy"]

    def test_another_engine_closes_it_first(self, heavy: Drawing) -> None:
        sessions, other = Sessions(), Drawing("other", weights={"model": "4" * 64})
        for engine in (heavy, other, heavy):
            with sessions.use(engine, {"generate.seed": 1}, lambda share, note: None):
                assert not (heavy.closed and engine is heavy and len(heavy.opened) == 1)
        assert len(heavy.opened) == 2 and heavy.closed == ["heavy"] and other.closed == ["other"]

    def test_an_idle_one_is_closed(self, heavy: Drawing) -> None:
        sessions = Sessions()
        with sessions.use(heavy, {"generate.seed": 1}, lambda share, note: None):
            assert not sessions.close_idle(0), "one in use is not idle"
        assert not sessions.close_idle(60)
        assert sessions.close_idle(0) and heavy.closed == ["heavy"]
        assert not sessions.close_idle(0)

    def test_one_that_broke_is_not_kept(self, heavy: Drawing) -> None:
        sessions = Sessions()

        with (
            pytest.raises(RuntimeError),
            sessions.use(heavy, {"generate.seed": 1}, lambda share, note: None),
        ):
            raise RuntimeError("CUDA error 700")
        assert heavy.closed == ["heavy"]

    def test_who_needs_the_same_model_waits_and_who_needs_none_does_not(self, heavy: Drawing) -> None:
        sessions, light, order = Sessions(), Drawing("light"), list[str]()
        used = sessions.use(heavy, {"generate.seed": 1}, lambda share, note: None)
        used.__enter__()

        def use(engine: Drawing) -> None:
            with sessions.use(engine, {"generate.seed": 1}, lambda share, note: None):
                order.append(engine.name)

        threads = [Thread(target=use, args=(engine,)) for engine in (heavy, light)]
        for thread in threads:
            thread.start()
        threads[1].join(30)
        assert order == ["light"]
        used.__exit__(None, None, None)
        threads[0].join(30)
        assert order == ["light", "heavy"] and len(heavy.opened) == 1


def test_a_segment_engine_goes_all_the_way(path: Path, cache: Path) -> None:
    """Its windows have its lengths and its one canvas, and what comes out has the clip's own."""
    engine = Blended()
    made = journey(path, bench(cache, **WINDOWS, generate__strength=0.0), engine)
    assert len(finished(made)) == SHOT.frames and finished(made).size == SHOT.size
    assert {len(window) % 4 for window in engine.windows} == {1}
    assert len({window.size for window in engine.windows}) == 1
    assert same(finished(made), finished(journey(path, bench(cache, **WINDOWS, generate__strength=0.0), engine)))
