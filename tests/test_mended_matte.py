"""Mattes that people give or mend: used by the run, carried through the clip, and refused when they do not fit."""

import json
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from pipeline.matte.story import find_matte
from pipeline.see.open_clip import open_clip
from pipeline.stage import RunContext
from tests.journeys import bench, filmed, finished, hits, journey, pictures, with_settings, written
from utils.camera.tracking import Mask
from utils.errors import ClipError
from utils.media.clip import Clip
from utils.media.clip_part import part_of
from utils.media.intake import probe
from utils.media.timebase import Span
from utils.people.matte_exchange import MatteFile, write_matte
from utils.project import PROJECT_ROOT
from utils.walker import Shot

pytestmark = pytest.mark.slow

COUNT = 40
SHOT = Shot(size=(320, 180), frames=COUNT)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return filmed(tmp_path_factory.mktemp("clip"), SHOT)


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> RunContext:
    return bench(tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="module")
def clip(path: Path, context: RunContext) -> Clip:
    return open_clip(path, context)


def box(left: int = 200, count: int = COUNT, size: tuple[int, int] = (320, 180)) -> list[Mask]:
    """A matte of a part of the street, where nobody is."""
    matte = np.zeros(size[::-1], np.uint8)
    matte[60:120, left : left + 80] = 255
    return [matte] * count


def given(folder: Path, mattes: list[Mask], name: str = "matte.mkv") -> Path:
    write_matte(folder / name, mattes, Fraction(30))
    return folder / name


def painted(folder: Path, adds: bool, frame: int = 20, x: int = 30, clip: str = "") -> Path:
    line = {"frame": frame, "adds": adds, "radius_px": 10, "points": [[x, 100], [x + 40, 100]]}
    path = folder / f"strokes-{adds}.json"
    path.write_text(json.dumps({"width_px": 320, "height_px": 180, "clip": clip, "strokes": [line]}))
    return path


def test_a_given_matte_is_what_is_restyled(path: Path, clip: Clip, context: RunContext, tmp_path: Path) -> None:
    mattes = box()
    made = journey(path, with_settings(context, analysis__matte=str(given(tmp_path, mattes)), encode__crf=0))
    analysis = made.stable.analysis
    assert all(np.array_equal(one, mattes[0]) for one in analysis.mattes(clip.span))
    assert analysis.has_subject and analysis.detected_fraction == 1
    pairs = zip(pictures(clip), pictures(finished(made)), strict=True)
    changed = np.mean([np.abs(one.astype(int) - other).max(axis=2) > 30 for one, other in pairs], axis=0)
    assert changed[60:120, 200:280].mean() > 0.1 and changed[:, :190].max() == 0


def test_the_joints_of_somebody_else_are_not_used(path: Path, context: RunContext, tmp_path: Path) -> None:
    """The walker is followed, but the matte shows another part of the picture, which has no feet."""
    made = journey(path, with_settings(context, analysis__matte=str(given(tmp_path, box()))))
    assert np.isnan(made.stable.analysis.poses.keypoints).all() and not made.contacts.all


def test_the_same_matte_in_another_form_is_not_made_again(path: Path, context: RunContext, tmp_path: Path) -> None:
    journey(path, with_settings(context, analysis__matte=str(given(tmp_path, box()))))
    again = hits(journey(path, with_settings(context, analysis__matte=str(given(tmp_path, box(), "matte.zip")))))
    assert not again["given matte"] and all(hit for name, hit in again.items() if name != "given matte")


@pytest.mark.parametrize(
    ("mattes", "words"),
    [
        (box(count=COUNT - 1), "has 39 frames; this clip has 40"),
        (box(count=COUNT + 1), "has 41 frames; this clip has 40"),
        (box(size=(160, 90), left=20), "pictures of 160x90; this clip has 320x180"),
        ([np.zeros((180, 320), np.uint8)] * COUNT, "is empty"),
    ],
    ids=["short", "long", "small", "empty"],
)
def test_a_matte_that_does_not_fit_is_refused(
    mattes: list[Mask], words: str, clip: Clip, context: RunContext, tmp_path: Path
) -> None:
    with pytest.raises(ClipError, match=words) as caught:
        find_matte(clip, with_settings(context, analysis__matte=str(given(tmp_path, mattes))))
    assert caught.value.remedy.startswith(("Give", "Paint"))


def test_a_part_of_a_clip_takes_the_matte_of_all_or_its_own(clip: Clip, context: RunContext, tmp_path: Path) -> None:
    part = part_of(clip, Span(10, 30))
    mattes = [np.roll(matte, index, axis=1) for index, matte in enumerate(box(left=100))]
    for name, of in (("all.mkv", mattes), ("part.zip", mattes[10:30])):
        settings = with_settings(context, analysis__matte=str(given(tmp_path, of, name)))
        found = list(find_matte(part, settings).analysis.mattes(part.span))
        assert len(found) == 20 and all(np.array_equal(*pair) for pair in zip(found, mattes[10:30], strict=True))


def test_what_is_painted_is_in_the_matte_of_all_frames(clip: Clip, context: RunContext, tmp_path: Path) -> None:
    before = find_matte(clip, context)
    after = find_matte(clip, with_settings(context, analysis__strokes=str(painted(tmp_path, adds=True))))
    pairs = list(zip(before.analysis.mattes(clip.span), after.analysis.mattes(clip.span), strict=True))
    for index in (10, 20, 30):
        one, other = (matte.astype(int) for matte in pairs[index])
        more = (other > 127) & (one < 128)
        assert more.sum() > 400 and np.argwhere(more)[:, 1].max() < 120
        assert not ((other < 128) & (one > 127)).any()
    assert "in frames 20" in after.events[-1].sentence
    again = {done.name: done.hit for done in after.done}
    assert again["analyse"] and not again["matte"]


def test_a_given_matte_can_be_mended_too(clip: Clip, context: RunContext, tmp_path: Path) -> None:
    strokes = painted(tmp_path, adds=False, x=220)
    settings = with_settings(context, analysis__matte=str(given(tmp_path, box())), analysis__strokes=str(strokes))
    (matte,) = find_matte(clip, settings).analysis.mattes([20])
    assert (matte[95:105, 225:255] == 0).all() and (matte[62:80, 205:275] == 255).all()


def test_strokes_end_at_a_cut_and_the_job_says_so(tmp_path: Path, path: Path) -> None:
    shot = pictures(probe(path))
    both = written(tmp_path / "two.mp4", [*shot, *(np.invert(picture) for picture in shot)])
    context = bench(tmp_path / "cache")
    clip = open_clip(both, context)
    found = find_matte(clip, with_settings(context, analysis__strokes=str(painted(tmp_path, adds=True, x=5))))
    assert found.analysis.camera.breaks == (COUNT,)
    assert any(f"before frame {COUNT} end there, at a cut" in event.sentence for event in found.events)
    plain = find_matte(clip, context).analysis.mattes([COUNT + 1])
    assert np.array_equal(next(plain), next(found.analysis.mattes([COUNT + 1])))


def test_the_command_writes_what_generate_takes(path: Path, tmp_path: Path) -> None:
    def run(*arguments: object) -> str:
        child = subprocess.run(
            [sys.executable, "-m", "pipeline", *map(str, arguments), "--home", str(tmp_path / "home")],
            cwd=PROJECT_ROOT, capture_output=True, text=True,
        )  # fmt: skip
        assert child.returncode == 0, child.stderr
        return child.stdout

    matte, overlay, out = tmp_path / "matte.mkv", tmp_path / "shown.mp4", tmp_path / "out.mp4"
    strokes = painted(tmp_path, adds=True)
    assert "the person is in 40 of 40 frames" in run("matte", path, "-o", matte, "--overlay", overlay)
    assert len(list(MatteFile(matte).mattes())) == COUNT and overlay.stat().st_size > 10_000
    assert "mended by hand in frames 20" in run("matte", path, "-o", tmp_path / "more.zip", "--strokes", strokes)
    told = run("generate", path, "-o", out, "--matte", tmp_path / "more.zip", "--preset", "fast", "--json")
    assert json.loads(told)["frames_out"] == COUNT
