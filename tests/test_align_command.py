"""python -m pipeline align, as its user runs it."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.commands.spelling import spelling
from tests.aligned import Case, Pair, Scene
from tests.aligned_cases import TRUE
from tests.sound import sounding
from tests.test_align_sound import RATE_HZ, murmur
from utils.errors import SettingsError
from utils.image.metrics import psnr_db
from utils.media.intake import probe
from utils.media.video import ClipFrames
from utils.project import PROJECT_ROOT

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    """Half a second later, and longer than the background at its end; its sound is of another moment."""
    folder = tmp_path_factory.mktemp("pair")
    pair, hiss = replace(TRUE["offset"], seconds=2.0, end_s=2.2).made(folder), murmur(1, 2.0)
    background = sounding(folder / "bg.mov", pair.background, hiss)
    return replace(
        pair, background=background, foreground=sounding(folder / "fg.mov", pair.foreground, hiss[RATE_HZ // 5 :])
    )


def test_options_are_taken_in_several_spellings() -> None:
    spelled = spelling({"--gpu": "there is nothing to do for it"}, blend=8)("align")._spelled
    assert spelled(["--match_space", "fixed", "--drift_tolerance=3"]) == [
        "--match-space",
        "fixed",
        "--drift-tolerance=3",
    ]
    assert spelled(["--blend", "4", "bg.mp4"]) == ["--blend", "4", "bg.mp4"]
    assert spelled(["--blend", "bg.mp4", "fg_1.mp4"]) == ["--blend", "8", "bg.mp4", "fg_1.mp4"]
    assert spelled(["a", "--blend"]) == ["a", "--blend", "8"] and spelled(["--blend=2", "3"]) == ["--blend=2", "3"]
    for word in ("--gpu", "--gpu=1"):
        with pytest.raises(SettingsError, match="There is no --gpu: there is nothing to do for it"):
            spelled([word, "bg.mp4"])
    assert spelled(["--set", "laid.blend_px=3", "--", "--a_b"]) == ["--set", "laid.blend_px=3", "--", "--a_b"]


def run(*said: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pipeline", "align", *map(str, said)]
    return subprocess.run(command, cwd=PROJECT_ROOT, capture_output=True, text=True)


def test_the_foreground_is_laid_where_and_when_it_belongs(pair: Pair, tmp_path: Path) -> None:
    out, times, home = tmp_path / "out.mp4", tmp_path / "map.json", tmp_path / "home"
    said = [pair.background.path, pair.foreground.path, "-o", out, "--map", times, "--cache-dir", home]
    child = run(*said, "--verbose")
    assert child.returncode == 0, child.stderr
    assert "  align: " in child.stdout and (home / "cache").is_dir()
    assert "placed at (60.0" in child.stdout or "placed at (59.9" in child.stdout, child.stdout
    assert "the sound says that the foreground begins at 0.20 s, the picture 0.50 s" in child.stdout
    told = json.loads(times.read_text())
    assert told["sound"]["agrees"] is False
    assert told["labels"]["no-match"] >= 10 and len(told["frames"]) == len(pair.foreground)
    assert abs(told["frames"][20]["background_s"] - (0.5 + 20 / 60)) < 0.005
    assert told["frames"][-1]["background_s"] is None and told["frames"][-1]["label"] == "no-match"
    made = probe(out)
    assert made.size == pair.background.size and len(made) == len(pair.foreground) - told["labels"]["no-match"]
    (shown,), (behind,) = (
        list(ClipFrames.of(clip).read([index])) for clip, index in ((made, 20), (pair.background, 50))
    )
    assert psnr_db(shown.rgb, behind.rgb) > 30, "the moment of the background, inside as well as around"

    whole = tmp_path / "whole.mp4"
    child = run(*said[:2], "-o", whole, "--no-trim", "--blend", "--behind", "blended", "--home", home)
    assert child.returncode == 0 and len(probe(whole)) == len(pair.background), child.stderr
    assert run(*said[:2], "--home", home, "--set", "laid.behind=between").returncode == 1

    again = run(*said, "--json", "--drift_tolerance", 0.01, "--progressive")
    assert [line.split("s  ")[1].split(":")[0] for line in again.stderr.splitlines()] == [
        "keyframes", "every frame", "to a part of a frame"]  # fmt: skip
    assert json.loads(again.stdout)["remarks"] == []
    assert again.returncode == 4, "no frame is known to a hundredth of a millisecond"
    assert len(json.loads(again.stdout)["off"]) > 50


@pytest.mark.parametrize("option", ["-o", "--map"])
def test_no_clip_of_the_pair_is_written_over(pair: Pair, option: str, tmp_path: Path) -> None:
    clips = [tmp_path / "background.mp4", tmp_path / "foreground.mp4"]
    for clip, copied in zip((pair.background, pair.foreground), clips, strict=True):
        copied.write_bytes(clip.path.read_bytes())
    for path in clips:
        before = path.read_bytes()
        child = run(*clips, option, path, "--home", tmp_path)
        assert child.returncode == 1 and f"replace the clip itself, '{path}'" in child.stderr
        assert path.read_bytes() == before


def test_clips_that_have_nothing_in_common_are_refused(tmp_path: Path) -> None:
    strangers = Case("strangers", seconds=1.0, other=Scene(seed=99)).made(tmp_path)
    child = run(strangers.background.path, strangers.foreground.path, "-o", tmp_path / "o.mp4", "--home", tmp_path)
    assert child.returncode == 3 and "--x, --y and --scale" in child.stderr and not (tmp_path / "o.mp4").exists()


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        (("--x", 3), "Add --match-space fixed"),
        (("--skip-spatial-align", "--scale", 2), "means 0, 0 in full size"),
        (("--match-space", "near"), "'near' is unknown"),
        (("-o", "film.avi"), "does not end in .mp4"),
        (("--sound", "both"), "auto, foreground, background or none"),
        (("--match-space", "fixed", "--x", 5000), "would lie outside of the background, which is 320x180"),
        (("--anchor", "10:10", "--anchor", "5:50"), "5:50 and 10:10 let time run backwards"),
    ],
)
def test_what_contradicts_itself_is_told_before_anything_is_computed(
    pair: Pair, said: tuple[object, ...], problem: str, tmp_path: Path
) -> None:
    child = run(pair.background.path, pair.foreground.path, *said, "--home", tmp_path)
    assert child.returncode == 1 and problem in child.stderr
