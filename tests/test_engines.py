"""The contract that every engine keeps, checked on each: exact windows, the same frames however they are asked for."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from pipeline.engines import engine, engines
from pipeline.engines.base import Engine, EngineError, EngineFrame, View, Window
from pipeline.make.controls import controls
from pipeline.make.fitting import Fitting
from pipeline.make.made_window import checked
from pipeline.settings import Settings
from tests.engines import CPU, MODELS, Blended, Drawing, opened, window_of
from tests.tiny_models import TINY, tiny_model, tiny_settings
from utils.digest import canonical_json
from utils.errors import Cancelled
from utils.image import RGB, Size
from utils.progress import Cancel
from utils.project import PROJECT_ROOT
from utils.walker import Shot, walk

SIZE = Size(162, 91)
FRAMES = 6
HEAVY = {"numpy", "cv2", "numba", "scipy", "mediapipe", *MODELS}
ENGINES: dict[str, Engine] = {each.name: each for each in (*engines(), Drawing("drawing"), Blended())}
"""All that come with the program, and one of each kind that tests make."""


@pytest.fixture(scope="module")
def views() -> list[View]:
    """A quarter of a second of the walker in the hold, at an odd size."""
    shot = Shot(size=SIZE, frames=90)
    filmed = (each for each in walk(shot) if 45 <= each[1].index < 45 + FRAMES)
    return [
        View(index, rgb, truth.matte, truth.keypoints.astype(np.float32)) for index, (rgb, truth) in enumerate(filmed)
    ]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models")


@pytest.fixture(params=[pytest.param(name, marks=[pytest.mark.slow] * (name in TINY)) for name in ENGINES])
def made_by(request: pytest.FixtureRequest, models: Path, monkeypatch: pytest.MonkeyPatch) -> Engine:
    """Each engine in turn; those with a model have a tiny one."""
    if request.param in TINY:
        tiny_model(request.param, models)
        monkeypatch.setenv("RESHOOT_MODELS", str(models))
    return ENGINES[request.param]


def settings(made_by: Engine, **generate: Any) -> dict[str, Any]:
    quick = tiny_settings(made_by.name) if made_by.name in TINY else {}
    more = {f"generate.{key}": value for key, value in generate.items()}
    return Settings.load(overrides={**quick, **more}).flat()


def window(made_by: Engine, views: list[View], **generate: Any) -> Window:
    """These views as one window; an engine that goes between given frames gets the first one, painted."""
    painted = {views[0].index: np.asarray(255 - views[0].rgb, np.uint8)} if made_by.caps.between_given else {}
    return replace(
        window_of(views, settings(made_by, **generate)),
        controls=controls(made_by.caps.controls, lambda: iter(views)),
        given=painted,
    )


def frames(made_by: Engine, views: list[View], **generate: Any) -> list[RGB]:
    """The frames of a window as the program gets them: fitted to the engine and back."""
    asked = window(made_by, views, **generate)
    fitting = Fitting.of(asked, made_by.caps)
    fitted, session = fitting.padded(asked), opened(made_by, asked.settings)
    output = session.run(fitted, Cancel(), lambda share, note: None)
    made = [each.rgb for each in fitting.cut(checked(output.frames, fitted, made_by.name), asked)]
    session.close()
    return made


def test_it_says_what_it_is(made_by: Engine) -> None:
    assert made_by.label and made_by.version >= 1
    assert set(made_by.opening) <= {*made_by.settings} <= set(Settings().flat())
    assert made_by.caps.kind == "segment" or not made_by.caps.carry
    ready = made_by.probe()
    assert ready.ready or (ready.reason.endswith(".") and ready.remedy.endswith("."))
    assert all(len(digest) == 64 for digest in made_by.models(settings(made_by)).values())


def test_a_longer_window_costs_more(made_by: Engine) -> None:
    small, large = (
        made_by.estimate(settings(made_by), size, frames, CPU) for size, frames in ((SIZE, 10), (Size(1280, 720), 300))
    )
    assert 0 < small.seconds < large.seconds
    assert 0 < small.ram_mb <= large.ram_mb


def test_the_window_is_filled_exactly(made_by: Engine, views: list[View]) -> None:
    for part in (views, views[:1], views[:4], views[1:]):
        made = frames(made_by, part)
        assert len(made) == len(part)
        assert {(each.shape, each.dtype.name) for each in made} == {((SIZE.height_px, SIZE.width_px, 3), "uint8")}


def test_without_strength_it_is_the_source(made_by: Engine, views: list[View]) -> None:
    if (made_by.name in TINY or made_by.caps.between_given) and "generate.strength" not in made_by.settings:
        pytest.skip("it has no strength")
    for part in ("person", "background", "both"):
        for view, made in zip(views, frames(made_by, views, strength=0.0, apply_to=part), strict=True):
            assert np.array_equal(made, view.rgb)


def test_the_source_stays_as_it_was(made_by: Engine, views: list[View]) -> None:
    before = [view.rgb.copy() for view in views]
    copies = [replace(view, rgb=view.rgb.copy()) for view in views]
    frames(made_by, copies)
    assert all(np.array_equal(view.rgb, rgb) for view, rgb in zip(copies, before, strict=True))


def test_the_same_frames_every_time(made_by: Engine, views: list[View]) -> None:
    assert made_by.caps.deterministic != "no"
    first, second = frames(made_by, views, seed=7), frames(made_by, views, seed=7)
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


def test_one_session_makes_other_windows_and_other_settings(made_by: Engine, views: list[View]) -> None:
    """As a worker keeps it: what it made before changes nothing."""
    session, tell = opened(made_by, settings(made_by)), lambda share, note: None
    whole = Fitting.of(window(made_by, views), made_by.caps)
    asked = [whole.padded(window(made_by, views, seed=seed)) for seed in (1, 2, 1)]
    made = [[each.rgb for each in session.run(each, Cancel(), tell).frames] for each in asked]
    assert all(np.array_equal(a, b) for a, b in zip(made[0], made[2], strict=True))


def test_what_a_frame_depends_on(made_by: Engine, views: list[View]) -> None:
    """A frame engine makes each frame by itself; a segment engine looks at its whole window."""
    whole, late = frames(made_by, views), frames(made_by, views[3:])
    style = window(made_by, views).style
    session = opened(made_by, settings(made_by))
    asked = replace(window(made_by, views[3:]), style=style)
    fitting = Fitting.of(asked, made_by.caps)
    output = session.run(fitting.padded(asked), Cancel(), lambda share, note: None)
    late = [each.rgb for each in fitting.cut(output.frames, asked)]
    alike = all(np.array_equal(a, b) for a, b in zip(whole[3:], late, strict=True))
    assert alike == (made_by.caps.kind == "frame")


def test_the_preview_is_a_picture_of_the_window(made_by: Engine, views: list[View]) -> None:
    """Of a frame engine it is the very frame."""
    asked = window(made_by, views)
    fitting = Fitting.of(asked, made_by.caps)
    preview = opened(made_by, settings(made_by)).preview(fitting.padded(asked), views[2].index)
    (shown,) = fitting.cut([EngineFrame(preview)], asked)
    assert shown.rgb.shape == views[2].rgb.shape and shown.rgb.any()
    assert np.array_equal(shown.rgb, frames(made_by, views)[2]) or made_by.caps.kind == "segment"


def test_it_stops_between_frames(made_by: Engine, views: list[View]) -> None:
    cancel, asked_for = Cancel(), list[int]()
    fitted = Fitting.of(window(made_by, views), made_by.caps).padded(window(made_by, views))

    def watched() -> Iterator[View]:
        for view in fitted.views():
            asked_for.append(view.index)
            yield view

    run = opened(made_by, settings(made_by)).run(
        replace(fitted, views=watched), cancel, lambda share, note: cancel.check()
    )
    next(run.frames)
    cancel.ask()
    with pytest.raises(Cancelled):
        for _ in run.frames:
            cancel.check()
    most = 2 if made_by.caps.kind == "frame" else len(fitted)
    assert len(asked_for) <= most, "a frame engine reads no further than it paints"


@pytest.mark.parametrize("part", ["person", "background"])
def test_what_is_not_restyled_stays_the_source(made_by: Engine, views: list[View], part: str) -> None:
    """Engines with models, and those that carry what was painted, take a few pixels around the person along."""
    if not made_by.caps.keeps_outside:
        pytest.skip("it changes all of the picture")
    near = np.ones((7, 7) if made_by.name in TINY or made_by.caps.between_given else (1, 1))
    for view, made in zip(views, frames(made_by, views, apply_to=part), strict=True):
        inside, outside = cv2.erode(view.matte, near) == 255, cv2.dilate(view.matte, near) == 0
        kept, changed = (outside, inside) if part == "person" else (inside, outside)
        assert np.array_equal(made[kept], view.rgb[kept])
        assert (made[changed] != view.rgb[changed]).any()


def test_its_provenance_is_json(made_by: Engine) -> None:
    provenance = opened(made_by, settings(made_by, seed=3)).provenance
    assert (provenance.engine, provenance.version, provenance.label) == (made_by.name, made_by.version, made_by.label)
    assert canonical_json(asdict(provenance))


def test_nothing_goes_out_to_the_network(made_by: Engine, views: list[View], monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("an engine opened a connection")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    assert made_by.probe().ready
    assert made_by.estimate(settings(made_by), SIZE, 10, CPU).seconds > 0
    assert len(frames(made_by, views[:1])) == 1


def test_asking_what_there_is_loads_nothing_heavy() -> None:
    code = (
        "import sys; from pipeline.engines import engines; print([(e.probe(), e.caps) for e in engines()] and '');"
        "print(*sys.modules)"
    )
    child = subprocess.run([sys.executable, "-c", code], cwd=PROJECT_ROOT, capture_output=True, text=True, check=True)
    assert not set(child.stdout.split()) & HEAVY


def test_an_unknown_engine_is_answered_in_a_sentence() -> None:
    with pytest.raises(EngineError) as caught:
        engine("restile")
    assert "'restile'" in caught.value.problem and "'restyle'" in caught.value.remedy


@pytest.mark.parametrize("count", [0, FRAMES - 1, FRAMES + 1])
def test_a_wrong_count_is_caught(views: list[View], count: int) -> None:
    made = [EngineFrame(views[0].rgb)] * count
    with pytest.raises(EngineError, match="of the 6 frames 0 to 5"):
        list(checked(made, window_of(views, {}), "wild"))


@pytest.mark.parametrize(
    "made",
    [
        EngineFrame(np.zeros((91, 160, 3), np.uint8)),
        EngineFrame(np.zeros((91, 162, 3), np.float32)),
        EngineFrame(np.zeros((91, 162, 3), np.uint8), alpha=np.zeros((90, 162), np.uint8)),
    ],
    ids=["size", "type", "alpha"],
)
def test_a_wrong_picture_is_caught(views: list[View], made: EngineFrame) -> None:
    with pytest.raises(EngineError, match="frame 1 "):
        list(checked([EngineFrame(views[0].rgb), made], window_of(views, {}), "wild"))
