"""What every engine promises, checked on each: exact windows, the same frames however they are asked for."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.engines import engine, engines
from pipeline.engines.base import Engine, EngineError, Made, View, Window, checked
from pipeline.settings import Settings
from utils.digest import canonical_json
from utils.errors import Cancelled
from utils.image import RGB, Size
from utils.media.timebase import Span
from utils.progress import Cancel
from utils.walker import Shot, walk

SIZE = Size(322, 181)
FRAMES = 6
NAMES = [each.name for each in engines()]


@pytest.fixture(scope="module")
def views() -> list[View]:
    """A quarter of a second of the walker in the hold, at an odd size."""
    shot = Shot(size=SIZE, frames=90)
    filmed = (each for each in walk(shot) if 45 <= each[1].index < 45 + FRAMES)
    return [
        View(index, rgb, truth.matte, truth.keypoints.astype(np.float32)) for index, (rgb, truth) in enumerate(filmed)
    ]


@pytest.fixture(params=NAMES)
def made_by(request: pytest.FixtureRequest) -> Engine:
    """Each engine in turn."""
    return engine(request.param)


def window(views: list[View], start: int = 0, stop: int = FRAMES) -> Window:
    return Window(Span(start, stop), "hold", views[0].size, Fraction(30), lambda: iter(views[start:stop]))


def settings(**generate: Any) -> dict[str, Any]:
    return Settings.load(overrides={f"generate.{key}": value for key, value in generate.items()}).flat()


def frames(made_by: Engine, views: list[View], start: int = 0, stop: int = FRAMES, **generate: Any) -> list[RGB]:
    session = made_by.open(settings(**generate), views, None)
    part = window(views, start, stop)
    made = [each.rgb for each in checked(session.run(part, Cancel()), part, made_by.name)]
    session.close()
    return made


def test_it_says_what_it_is(made_by: Engine) -> None:
    assert made_by.label and made_by.version >= 1
    assert set(made_by.settings) <= set(Settings().flat())
    assert made_by.caps.tasks <= {"restyle", "replace"}
    preferred, most = made_by.caps.window
    assert 1 <= preferred <= most
    ready = made_by.probe()
    assert ready.ready or (ready.reason.endswith(".") and ready.remedy.endswith("."))


def test_a_larger_window_costs_more(made_by: Engine) -> None:
    small, large = (made_by.estimate(size, frames) for size, frames in ((SIZE, 10), (Size(1280, 720), 300)))
    assert 0 < small.seconds < large.seconds
    assert 0 < small.ram_mb < large.ram_mb


def test_the_window_is_filled_exactly(made_by: Engine, views: list[View]) -> None:
    made = frames(made_by, views)
    assert len(made) == FRAMES
    assert {(each.shape, each.dtype.name) for each in made} == {((SIZE.height_px, SIZE.width_px, 3), "uint8")}


def test_without_strength_it_is_the_source(made_by: Engine, views: list[View]) -> None:
    for part in ("person", "background", "both"):
        for view, made in zip(views, frames(made_by, views, strength=0.0, apply_to=part), strict=True):
            assert np.array_equal(made, view.rgb)


def test_the_source_stays_as_it_was(made_by: Engine, views: list[View]) -> None:
    before = [view.rgb.copy() for view in views]
    for made, view in zip(frames(made_by, views), views, strict=True):
        made[:] = 0
        assert view.rgb.any()
    assert all(np.array_equal(view.rgb, rgb) for view, rgb in zip(views, before, strict=True))


def test_the_same_frames_every_time(made_by: Engine, views: list[View]) -> None:
    first, second = frames(made_by, views, seed=7), frames(made_by, views, seed=7)
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


def test_a_frame_does_not_depend_on_its_window(made_by: Engine, views: list[View]) -> None:
    whole, late = frames(made_by, views), frames(made_by, views, start=3)
    if made_by.caps.kind == "frame":
        assert all(np.array_equal(a, b) for a, b in zip(whole[3:], late, strict=True))


def test_the_preview_is_the_frame(made_by: Engine, views: list[View]) -> None:
    session = made_by.open(settings(), views, None)
    preview = session.preview(views[2])
    assert preview.shape == views[2].rgb.shape
    if made_by.caps.kind == "frame":
        assert np.array_equal(preview, frames(made_by, views)[2])


def test_it_stops_between_frames(made_by: Engine, views: list[View]) -> None:
    cancel, asked_for = Cancel(), []

    def watched() -> Iterator[View]:
        for view in views:
            asked_for.append(view.index)
            yield view

    run = made_by.open(settings(), views, None).run(replace(window(views), views=watched), cancel)
    next(run)
    cancel.ask()
    with pytest.raises(Cancelled):
        next(run)
    if made_by.caps.kind == "frame":
        assert len(asked_for) <= 2, "nothing reads further than it paints"


@pytest.mark.parametrize("part", ["person", "background"])
def test_what_is_not_restyled_stays_the_source(made_by: Engine, views: list[View], part: str) -> None:
    if not made_by.caps.keeps_outside:
        pytest.skip("this engine leaves that to the compositor")
    for view, made in zip(views, frames(made_by, views, apply_to=part), strict=True):
        inside, outside = view.matte == 255, view.matte == 0
        kept, changed = (outside, inside) if part == "person" else (inside, outside)
        assert np.array_equal(made[kept], view.rgb[kept])
        assert (made[changed] != view.rgb[changed]).any()


def test_its_provenance_is_json(made_by: Engine, views: list[View]) -> None:
    provenance = made_by.open(settings(seed=3), views, None).provenance
    assert (provenance.engine, provenance.version, provenance.label) == (made_by.name, made_by.version, made_by.label)
    assert canonical_json(asdict(provenance))
    assert set(provenance.settings) == set(made_by.settings)


def test_nothing_goes_out_to_the_network(made_by: Engine, views: list[View], monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("an engine opened a connection")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    made_by.probe()
    made_by.estimate(SIZE, 10)
    frames(made_by, views, stop=1)


def test_asking_what_there_is_loads_nothing_heavy() -> None:
    code = (
        "import sys; from pipeline.engines import engines; print([(e.probe(), e.caps) for e in engines()] and '');"
        "print(*sys.modules)"
    )
    child = subprocess.run(
        [sys.executable, "-c", code], cwd=Path(__file__).parents[1], capture_output=True, text=True, check=True
    )
    assert not set(child.stdout.split()) & {"numpy", "cv2", "numba", "scipy", "torch", "diffusers", "mediapipe"}


def test_an_unknown_engine_is_answered_in_a_sentence() -> None:
    with pytest.raises(EngineError) as caught:
        engine("restile")
    assert "'restile'" in caught.value.problem and "'restyle'" in caught.value.remedy


@pytest.mark.parametrize("count", [0, FRAMES - 1, FRAMES + 1])
def test_a_wrong_count_is_caught(views: list[View], count: int) -> None:
    part = window(views)
    made = [Made(views[0].rgb)] * count
    with pytest.raises(EngineError, match="of the 6 frames 0 to 5"):
        list(checked(made, part, "wild"))


@pytest.mark.parametrize(
    "made",
    [
        Made(np.zeros((181, 320, 3), np.uint8)),
        Made(np.zeros((181, 322, 3), np.float32)),
        Made(np.zeros((181, 322, 3), np.uint8), alpha=np.zeros((180, 322), np.uint8)),
    ],
    ids=["size", "type", "alpha"],
)
def test_a_wrong_picture_is_caught(views: list[View], made: Made) -> None:
    part = window(views)
    with pytest.raises(EngineError, match="frame 1 "):
        list(checked([Made(views[0].rgb), made], part, "wild"))
