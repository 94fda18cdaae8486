"""Stages: computed once for what they declared, and shown nothing else."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.stage import DeclaredSettings, RunContext, Stage, Work
from utils.errors import Cancelled, SettingsError, StoreError, UndeclaredSetting, UnkeyableValue
from utils.progress import Cancel, Progress
from utils.store import Store

SETTINGS = {"stabilise.window_s": 1.5, "stabilise.crop": "soft", "engine.seed": 7, "engine.curve": [1.0, 2.0]}


@dataclass(frozen=True)
class Clip:
    digest: str = "c" * 64


def find_camera(work: Work) -> None:
    (work.folder / "window.txt").write_text(str(work.settings["stabilise.window_s"]))


CAMERA = Stage("camera", version=1, run=find_camera, settings=("stabilise.window_s",), tools=("numpy",))


@pytest.fixture
def bench(tmp_path: Path) -> RunContext:
    return RunContext(Store(tmp_path), SETTINGS)


def stage(run: Callable[[Work], object], *settings: str, version: int = 1) -> Stage:
    return Stage("test", version, run, settings)


def test_computed_once_then_from_the_cache(bench: RunContext) -> None:
    with CAMERA.result(bench, clip=Clip()) as made, CAMERA.result(bench, clip=Clip()) as read:
        assert (made.hit, read.hit) == (False, True)
        assert read.read_bytes("window.txt") == b"1.5"
        assert read.key.inputs == {"clip": "c" * 64} and read.key.settings == {"stabilise.window_s": 1.5}
        assert read.key.tools.keys() == {"numpy"}


@pytest.mark.parametrize("name", ["engine.seed", "stabilise", "no.such.setting", ""])
@pytest.mark.parametrize(
    "ask",
    [lambda chosen, name: chosen[name], lambda chosen, name: chosen.get(name), lambda chosen, name: name in chosen],
    ids=["index", "get", "in"],
)
def test_an_undeclared_setting_cannot_be_reached(
    bench: RunContext, name: str, ask: Callable[[DeclaredSettings, str], Any]
) -> None:
    with pytest.raises(UndeclaredSetting, match="did not declare"):
        stage(lambda work: ask(work.settings, name), "stabilise.window_s").result(bench)
    assert bench.store.entries() == []


def test_only_declared_settings_are_there_at_all() -> None:
    chosen = DeclaredSettings("test", ("engine.seed", "stabilise.crop"), SETTINGS)
    assert dict(chosen) == {"engine.seed": 7, "stabilise.crop": "soft"} and len(chosen) == 2


def test_a_stage_cannot_change_the_settings_of_others(bench: RunContext) -> None:
    def greedy(work: Work) -> None:
        work.settings["engine.curve"].append(3.0)
        (work.folder / "done").touch()

    stage(greedy, "engine.curve").result(bench).close()
    assert SETTINGS["engine.curve"] == [1.0, 2.0]


def test_a_declared_setting_that_does_not_exist_is_an_error(bench: RunContext) -> None:
    with pytest.raises(SettingsError, match=r"'stabilise\.windows'"):
        stage(find_camera, "stabilise.windows").result(bench)


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from(["a.x", "a.y", "b.z"]), st.integers() | st.text(), min_size=3, max_size=3))
def test_the_key_holds_the_declared_and_nothing_else(values: dict[str, Any]) -> None:
    bounded = {name: value if isinstance(value, str) else value % 100 for name, value in values.items()}
    part = stage(find_camera, "a.x")
    key = part.key(bounded, {}, {})
    assert key.settings == {"a.x": bounded["a.x"]}
    assert part.key(bounded | {"b.z": "other"}, {}, {}) == key
    assert part.key(bounded | {"a.x": [bounded["a.x"]]}, {}, {}) != key


def test_a_setting_without_exact_form_is_refused(bench: RunContext) -> None:
    odd = RunContext(bench.store, {"a.path": Path("x")})
    with pytest.raises(UnkeyableValue, match=r"value\.a\.path"):
        stage(find_camera, "a.path").result(odd)


def test_everything_that_counts_is_another_result(bench: RunContext) -> None:
    other_settings = RunContext(bench.store, SETTINGS | {"stabilise.window_s": 2.0})
    newer = Stage("camera", 2, find_camera, ("stabilise.window_s",), ("numpy",))
    results = [
        CAMERA.result(bench, clip=Clip()),
        CAMERA.result(bench, clip=Clip("d" * 64)),
        CAMERA.result(bench, film=Clip()),
        CAMERA.result(bench, clip=Clip(), models={"pose": "e" * 64}),
        CAMERA.result(other_settings, clip=Clip()),
        newer.result(bench, clip=Clip()),
    ]
    assert not any(result.hit for result in results)


def test_a_result_is_an_input_by_its_content(bench: RunContext) -> None:
    """A new version that computes the same does not make later stages compute again."""

    def read(work: Work) -> None:
        (work.folder / "copy").write_bytes(work.inputs["camera"].read_bytes("window.txt"))

    newer = Stage("camera", 2, find_camera, ("stabilise.window_s",))
    first = stage(read).result(bench, camera=CAMERA.result(bench, clip=Clip()))
    second = stage(read).result(bench, camera=newer.result(bench, clip=Clip()))
    assert not first.hit and second.hit and second.read_bytes("copy") == b"1.5"


def test_progress_and_the_cache_are_told(bench: RunContext, caplog: pytest.LogCaptureFixture) -> None:
    told: list[Progress] = []
    listened = RunContext(bench.store, SETTINGS, told.append)

    def count(work: Work) -> None:
        for index in range(2):
            work.report(index + 1, 2, "frames")
        (work.folder / "done").write_text("x")

    counting = stage(count)
    with counting.result(listened) as entry:
        blob = entry.path("done")
    counting.result(listened).close()
    blob.chmod(0o644)
    blob.write_text("y")
    counting.result(listened).close()
    working = [Progress("test", 0, None), Progress("test", 1, 2, "frames"), Progress("test", 2, 2, "frames")]
    mended = "computed again, because in the cached result 'done' has changed"
    assert told == [
        *working,
        Progress("test", 1, 1, "computed", ended=True),
        Progress("test", 1, 1, "from the cache", ended=True),
        *working,
        Progress("test", 1, 1, mended, ended=True),
    ]


@pytest.mark.parametrize("stop_at", [0, 3])
def test_a_cancelled_stage_stops_at_its_next_report_and_leaves_nothing(bench: RunContext, stop_at: int) -> None:
    cancel, reached = Cancel(), []
    stoppable = RunContext(bench.store, SETTINGS, cancel=cancel)

    def endless(work: Work) -> None:
        index = 0
        while True:
            if index == stop_at:
                cancel.ask()
            work.report(index)
            reached.append(index)
            index += 1

    with pytest.raises(Cancelled):
        stage(endless).result(stoppable)
    assert reached == list(range(stop_at))
    assert bench.store.entries() == [] and not any((bench.store.folder / "work").iterdir())


def test_a_stage_that_ignores_the_stop_is_not_published(bench: RunContext) -> None:
    stoppable = RunContext(bench.store, SETTINGS)

    def deaf(work: Work) -> None:
        work.cancel.ask()
        (work.folder / "done").touch()

    with pytest.raises(Cancelled):
        stage(deaf).result(stoppable)
    assert bench.store.entries() == []


def test_nothing_starts_after_the_stop(bench: RunContext) -> None:
    CAMERA.result(bench, clip=Clip()).close()
    bench.cancel.ask()
    with pytest.raises(Cancelled):
        CAMERA.result(bench, clip=Clip())


def test_a_tool_that_is_not_installed_is_a_clear_error(bench: RunContext) -> None:
    with pytest.raises(StoreError, match="no-such-tool is not installed"):
        Stage("test", 1, find_camera, tools=("no-such-tool",)).result(bench)
