"""The journey of clips and settings at the edges: each gets to a right end, or to one sentence."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from pipeline.engines.base import EngineError
from pipeline.report.journey import Journey
from pipeline.report.report import report, to_json
from tests.forms import Form, make
from tests.journeys import bench, finished, journey, left_over, pictures, sounding, written
from tests.looks import HERE
from tests.sound import lag
from utils.errors import PictureError, SettingsError
from utils.image import RGB, Size
from utils.walker import Shot, Truth, walk

pytestmark = pytest.mark.slow

SIZE = (320, 180)
FRAMES = 28


@pytest.fixture(scope="module")
def walker() -> list[tuple[RGB, Truth]]:
    """The beginning of a walk."""
    return list(walk(Shot(size=SIZE, frames=FRAMES)))


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def plain(walker: list[tuple[RGB, Truth]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """That on film."""
    return written(tmp_path_factory.mktemp("film") / "plain.mp4", [rgb for rgb, _ in walker])


def taken(path: Path, cache: Path, **changed: Any) -> Journey:
    """All the way, and what must hold of every journey."""
    on = bench(cache, **changed)
    made = journey(path, on)
    out = finished(made)
    assert len(out) == len(made.clip)
    assert [out.time_s(index) for index in range(len(out))] == [made.clip.time_s(index) for index in range(len(out))]
    assert not left_over(on.store)
    assert all(event.sentence.endswith(".") for event in made.events)
    assert to_json(report(made))
    return made


def changes(made: Journey) -> list[float]:
    """How much each frame was changed where it was most, in grey levels; from afar, without the encoder's noise."""
    pairs = zip(pictures(made.clip), pictures(finished(made)), strict=True)
    return [float(cv2.absdiff(_small(before), _small(after)).max()) for before, after in pairs]


def _small(picture: RGB) -> RGB:
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    return np.asarray(cv2.resize(grey, (SIZE[0] // 8, SIZE[1] // 8), interpolation=cv2.INTER_AREA))


def test_a_clip_without_a_person_is_restyled_as_a_whole(
    walker: list[tuple[RGB, Truth]], cache: Path, tmp_path: Path
) -> None:
    made = taken(written(tmp_path / "empty.mp4", [truth.plate for _, truth in walker[:12]]), cache)
    assert any("Nobody was found" in event.sentence for event in made.events)
    assert min(changes(made)) > 8


@pytest.mark.parametrize("count", [1, 2])
def test_very_few_frames(walker: list[tuple[RGB, Truth]], cache: Path, tmp_path: Path, count: int) -> None:
    made = taken(written(tmp_path / "few.mp4", [rgb for rgb, _ in walker[:count]]), cache)
    assert min(changes(made)) > 8


def test_nothing_is_carried_across_a_cut(walker: list[tuple[RGB, Truth]], cache: Path, tmp_path: Path) -> None:
    other = [np.ascontiguousarray(rgb[:, ::-1]) for rgb, _ in walk(Shot(size=SIZE, frames=14, seed=5))]
    made = taken(written(tmp_path / "cut.mp4", [rgb for rgb, _ in walker[:18]] + other), cache)
    assert made.stable.analysis.camera.breaks == (18,)
    assert 18 in [segment.span.start for segment in made.segments.all]
    for window in made.frames.windows:
        span = window.plan.span
        assert not span.start < 18 < span.stop
        assert window.plan.overlap == 0 or span.start != 18
    assert any("shots" in event.sentence for event in made.events)


@pytest.mark.parametrize(
    "dark",
    [
        range(8, 20),
        range(11, 17),
    ],
)
def test_black_in_the_middle_stays_black(
    walker: list[tuple[RGB, Truth]], cache: Path, tmp_path: Path, dark: range
) -> None:
    shown = [np.zeros_like(rgb) if index in dark else rgb for index, (rgb, _) in enumerate(walker)]
    made = taken(written(tmp_path / "black.mp4", shown), cache)
    assert any("black" in event.sentence.lower() for event in made.events)
    assert min(change for index, change in enumerate(changes(made)) if index not in dark) > 8
    out = pictures(finished(made))
    assert max(out[index].max() for index in dark) < 8


def test_nothing_but_black(cache: Path, tmp_path: Path) -> None:
    black = np.zeros((SIZE[1], SIZE[0], 3), np.uint8)
    made = taken(written(tmp_path / "night.mp4", [black] * 10), cache)
    assert any("black" in event.sentence.lower() for event in made.events)


def test_who_leaves_and_comes_back(walker: list[tuple[RGB, Truth]], cache: Path, tmp_path: Path) -> None:
    """For longer than somebody may be lost for a moment."""
    shown = [truth.plate if 8 <= index < 20 else rgb for index, (rgb, truth) in enumerate(walker)]
    made = taken(written(tmp_path / "back.mp4", shown), cache)
    change = changes(made)
    assert max(change[8:20]) < 4 < 8 < min(change[:8] + change[20:])
    assert any("Nobody is seen in frames 8-19" in event.sentence for event in made.events)


def test_an_upright_picture(cache: Path, tmp_path: Path) -> None:
    shown = [rgb for rgb, _ in walk(Shot(size=(360, 640), frames=8))]
    made = taken(written(tmp_path / "upright.mp4", shown), cache)
    assert finished(made).size == made.clip.size == (360, 640)
    assert min(changes(made)) > 8


@pytest.mark.parametrize("target", ["person", "both"])
def test_an_odd_size(cache: Path, tmp_path: Path, target: str) -> None:
    """Written with its last row and column shown twice, for 4:2:0 pictures have even sizes."""
    form = Form("odd.mp4", ("-c:v", "libx264", "-pix_fmt", "yuv444p", "-preset", "ultrafast"), size=Size(161, 97))
    made = taken(make(form, tmp_path), cache, generate__apply_to=target)
    assert made.clip.size == (161, 97)
    assert finished(made).size == (162, 98)


def test_a_variable_rate_keeps_its_times(walker: list[tuple[RGB, Truth]], cache: Path, tmp_path: Path) -> None:
    times = [0, 1, 2, 5, 6, 8, 9, 15, 16, 17, 18, 24]
    made = taken(written(tmp_path / "variable.mp4", [rgb for rgb, _ in walker[: len(times)]], times), cache)
    assert not made.clip.constant_rate
    assert [30 * made.clip.time_s(index) for index in range(len(times))] == times


def test_late_sound_stays_late(walker: list[tuple[RGB, Truth]], cache: Path, tmp_path: Path) -> None:
    silent = written(tmp_path / "silent.mp4", [rgb for rgb, _ in walker[:15]])
    made = taken(sounding(silent, 0.2, late_s=0.3), cache)
    out = finished(made)
    assert made.clip.audio and out.audio
    assert float(made.clip.audio.start_s) == pytest.approx(0.3, abs=0.03)
    assert lag(made.clip, out) == 0


@pytest.mark.parametrize("overlap", [1, 5, 33])
def test_windows_of_any_overlap_join(plain: Path, cache: Path, overlap: int) -> None:
    """Also where windows are shorter than what they are to share."""
    made = taken(plain, cache, segments__overlap_frames=overlap, segments__least_s=0.1, segments__count=7)
    windows = [window.plan for window in made.frames.windows]
    assert len(windows) == 7 and windows[1].overlap == min(overlap, 3)
    assert [drawn.index for drawn in made.frames] == list(range(FRAMES))


def test_a_clip_shorter_than_one_overlap(walker: list[tuple[RGB, Truth]], cache: Path, tmp_path: Path) -> None:
    path = written(tmp_path / "short.mp4", [rgb for rgb, _ in walker[:6]])
    made = taken(path, cache, segments__overlap_frames=33, segments__least_s=0.1, segments__count=3)
    assert len(made.frames.windows) > 1


@pytest.mark.parametrize(
    "changed",
    [
        {"stabilise__strength": 0.0},
        {"stabilise__method": "optimal", "stabilise__model": "similarity"},
        {"reshake__strength": 0.0},
        {"reshake__strength": 0.0, "composite__background": "plate"},
        {"generate__apply_to": "background", "composite__background": "plate"},
        {"generate__apply_to": "both", "composite__background": "plate"},
        {"consistency__strength": 0.0, "composite__feather_px": 0},
        {"analysis__pose_every": 8},
    ],
    ids=lambda changed: "-".join(f"{name}={value}" for name, value in changed.items()),
)
def test_settings_at_their_ends(plain: Path, cache: Path, changed: dict[str, Any]) -> None:
    assert min(changes(taken(plain, cache, **changed))) > 8


def test_without_stabilising_the_stable_picture_is_the_frame(plain: Path, cache: Path) -> None:
    path = taken(plain, cache, stabilise__strength=0.0).stable.path
    assert path.canvas == path.size == SIZE
    assert np.allclose(path.matrices, np.eye(3))


@pytest.fixture(scope="module")
def six(walker: list[tuple[RGB, Truth]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fifth of a second."""
    return written(tmp_path_factory.mktemp("film") / "six.mp4", [rgb for rgb, _ in walker[16:22]])


def test_every_look_goes_all_the_way(six: Path, cache: Path) -> None:
    seen = {look: tuple(changes(taken(six, cache, generate__look=look))) for look in HERE}
    assert len(set(seen.values())) == len(HERE)
    assert {look: change for look, change in seen.items() if min(change) < 5} == {}


def test_a_grey_reference(six: Path, cache: Path, tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "grey.png"), np.tile(np.linspace(20, 230, 64).astype(np.uint8), (48, 1)))
    made = taken(six, cache, generate__reference=str(tmp_path / "grey.png"))
    assert changes(made) != changes(taken(six, cache))


@pytest.mark.parametrize("content", [None, b"", b"no picture at all"])
def test_a_wrong_reference_is_told_before_anything_is_computed(
    six: Path, tmp_path: Path, content: bytes | None
) -> None:
    reference = tmp_path / "picture.png"
    if content is not None:
        reference.write_bytes(content)
    on = bench(tmp_path / "cache", generate__reference=str(reference))
    with pytest.raises(PictureError, match=r"picture\.png.* Choose a"):
        journey(six, on)
    assert {entry.stage for entry in on.store.entries()} <= {"probe"}


def test_unknown_names_are_told_with_the_known_ones(six: Path, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="restyle"):
        bench(tmp_path, generate__engine="magic")
    with pytest.raises(SettingsError, match="paint"):
        bench(tmp_path, generate__look="pant")
    on = bench(tmp_path)
    with pytest.raises(EngineError, match=r"no engine called 'magic'\. Choose one of: 'restyle'"):
        journey(six, replace(on, settings={**on.settings, "generate.engine": "magic"}))
    assert {entry.stage for entry in on.store.entries()} <= {"probe"}
