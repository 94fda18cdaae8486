"""The command that takes a clip all the way, in a process of its own: what it writes, what it says, how it ends."""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pipeline.__main__ import app
from tests.journeys import written
from utils.errors import ReshootError
from utils.media.intake import probe
from utils.store import Store
from utils.walker import Shot, walk

pytestmark = pytest.mark.slow

FRAMES = 30
WINDOWS = ("--preset", "fast", "--set", "segments.count=5", "--set", "segments.least_s=0.1")


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    shown = [rgb for rgb, _ in walk(Shot(size=(320, 180), frames=FRAMES))]
    return written(tmp_path_factory.mktemp("film") / "walk.mp4", shown)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


def command(home: Path, *arguments: str | Path) -> list[str]:
    return [sys.executable, "-m", "pipeline", "generate", *map(str, arguments), "--home", str(home)]


def generate(home: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(home, *arguments), capture_output=True, text=True, timeout=120)


def beside(folder: Path) -> set[str]:
    return {each.name for each in folder.iterdir()}


@pytest.fixture(scope="module")
def done(clip: Path, home: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A finished run with a report: where, and what was said."""
    folder = tmp_path_factory.mktemp("out")
    ended = generate(home, clip, "-o", folder / "out.mp4", *WINDOWS, "--report", folder / "some" / "report")
    assert ended.returncode == 0, ended.stderr
    assert re.search(r"Restyle: about \d+ s, \d+ MB, on ", ended.stderr), "what it will take is said before it begins"
    return folder, ended.stdout


def test_a_clip_a_report_and_a_summary(done: tuple[Path, str]) -> None:
    folder, said = done
    assert len(probe(folder / "out.mp4")) == FRAMES
    assert beside(folder) == {"out.mp4", "some"}
    assert beside(folder / "some" / "report") == {
        "report.json", "report.html", "camera.json", "stable.json", "sheet.jpg"
    }  # fmt: skip
    told = json.loads((folder / "some" / "report" / "report.json").read_text())
    assert told["frames_in"] == told["frames_out"] == FRAMES
    lines = said.splitlines()
    assert f"{FRAMES} frames in" in " ".join(lines[:2])
    assert {"camera jerk", "segments", "change"} <= {line.strip()[:20].strip() for line in lines}
    assert "report.html" in "".join(lines[-2:])


def test_json_alone_on_standard_output_and_all_of_it_from_the_cache(
    done: tuple[Path, str], clip: Path, home: Path, tmp_path: Path
) -> None:
    ended = generate(home, clip, "-o", tmp_path / "out.mp4", *WINDOWS, "--json")
    told = json.loads(ended.stdout)
    assert {stage["cache"] for stage in told["stages"]} == {"hit"}
    assert (tmp_path / "out.mp4").read_bytes() == (done[0] / "out.mp4").read_bytes()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("-o", "out.mov"), "does not end in .mp4. Name it out.mp4."),
        (("-o", "nowhere/out.mp4"), "There is no folder"),
        (("-o", "walk.mp4"), "would replace the clip itself"),
        (("-o", "folder.mp4"), "is a folder"),
        (("-o", "/proc/out.mp4"), "Nothing can be written to '/proc'"),
        (("-o", "out.mp4", "--report", "walk.mp4"), "is not a folder"),
        (("-o", "out.mp4", "--report", "/proc/some/report"), "Nothing can be written to '/proc'"),
        (("-o", "out.mp4", "--set", "generate.lok=ink"), "Did you mean 'generate.look'"),
        (("-o", "out.mp4", "--set", "generate.strength=2"), "generate.strength"),
        (("-o", "out.mp4", "--set", "encode.crf=high"), "encode.crf"),
        (("-o", "out.mp4", "--set", "generate.look"), "generate.look"),
        (("-o", "out.mp4", "--look", "ink", "--set", "generate.look=noir"), "generate.look is set twice"),
        (("-o", "out.mp4", "--engine", "magic"), "restyle"),
        (("-o", "out.mp4", "--subject", "left"), "'left' is no point of a frame. Write 320,180@40"),
        (("-o", "out.mp4", "--subject", "9999,5@3"), "The point 9999,5 lies outside of the picture"),
        (("-o", "out.mp4", "--subject", "5,5@99999"), "This clip has no frame 99999"),
        (("-o", "out.mp4", "--reference", "nothing.png"), "'nothing.png' could not be read"),
        (("-o", "out.mp4", "--reference", "style:oils"), "There is no style picture 'oils'. Choose one of: waves,"),
        (("-o", "out.mp4", "--preset", "best"), "balanced"),
        (("-o", "out.mp4", "--settings", "nothing.yaml"), "nothing.yaml"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_cannot_work_is_told_before_anything_is_computed(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], told: str
) -> None:
    (tmp_path / "folder.mp4").mkdir()
    (tmp_path / "walk.mp4").symlink_to(clip)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ReshootError) as caught:
        app(["generate", "walk.mp4", *arguments, "--home", str(tmp_path / "home")], standalone_mode=False)
    assert told in str(caught.value)
    assert beside(tmp_path) <= {"folder.mp4", "walk.mp4", "home"}
    if (tmp_path / "home").exists():
        assert {entry.stage for entry in Store(tmp_path / "home" / "cache").entries()} <= {"probe"}


def test_an_error_is_two_sentences(clip: Path, home: Path, tmp_path: Path) -> None:
    ended = generate(home, clip, "-o", tmp_path / "out.mov")
    assert (ended.returncode, ended.stdout) == (1, "")
    assert " ".join(ended.stderr.split()).endswith("does not end in .mp4. Name it out.mp4.")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a small disk")
def test_a_full_disk_is_told_and_nothing_half_written_stays(
    done: tuple[Path, str], clip: Path, home: Path, tmp_path: Path
) -> None:
    """A disk of its own that ends with the process."""
    size = (done[0] / "out.mp4").stat().st_size // 2
    again = shlex.join(command(home, clip, "-o", tmp_path / "out.mp4", *WINDOWS))
    script = f"mount -t tmpfs -o size={size} tmpfs {shlex.quote(str(tmp_path))} || exit 77; {again}; ls -A {tmp_path}"
    ended = subprocess.run(["unshare", "-m", "sh", "-c", script], capture_output=True, text=True, timeout=120)
    if ended.returncode == 77 or "unshare" in ended.stderr:
        pytest.skip("this machine lets nobody make a small disk")
    assert "could not be written: No space left on device." in " ".join(ended.stderr.split())
    assert "what was computed is kept" in " ".join(ended.stderr.split())
    assert ended.stdout == ""


def generated(store: Store) -> int:
    return sum(entry.stage.startswith("make with") for entry in store.entries())


@pytest.mark.parametrize("asked", [signal.SIGINT, signal.SIGTERM])
def test_it_stops_at_once_and_goes_on_from_there(clip: Path, tmp_path: Path, asked: signal.Signals) -> None:
    """Asked in the middle of the windows, by somebody without patience."""
    out, arguments = tmp_path / "out", ("--set", "generate.apply_to=both", *WINDOWS)
    out.mkdir()
    running = subprocess.Popen(
        command(tmp_path / "home", clip, "-o", out / "out.mp4", *arguments), stderr=subprocess.PIPE, text=True
    )
    store = Store(tmp_path / "home" / "cache")
    while not (made := generated(store)) and running.poll() is None:
        time.sleep(0.02)
    for _ in range(3):
        running.send_signal(asked)
        time.sleep(0.01)
    _, said = running.communicate(timeout=120)
    assert running.returncode == 130 and "the same command goes on from there" in said
    assert "Traceback" not in said
    assert beside(out) == set()
    Store(store.folder)  # as the next start does: a stop between two steps may leave an empty folder behind
    assert not list((store.folder / "work").iterdir())
    ended = generate(tmp_path / "home", clip, "-o", out / "out.mp4", *arguments, "--json")
    windows = [stage for stage in json.loads(ended.stdout)["stages"] if stage["name"].startswith("make with")]
    assert len(windows) == 5
    assert [stage["cache"] for stage in windows].count("hit") >= made
    assert beside(out) == {"out.mp4"}
