"""--from and --to on the command line: a part of a clip is used as if it were the whole."""

import json
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import pytest

from pipeline.see.open_clip import open_clip
from pipeline.settings import Settings
from pipeline.stage import RunContext
from tests.journeys import filmed
from utils.errors import ClipError
from utils.image import Size
from utils.media.intake import probe
from utils.media.timebase import Span
from utils.media.video import ClipFrames
from utils.store import Store
from utils.walker import Shot

pytestmark = pytest.mark.slow

FRAMES = 60
PART = Span(12, 39)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return filmed(tmp_path_factory.mktemp("film"), Shot(size=(320, 180), frames=FRAMES), sound=True)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


def run(command: str, home: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    said = [sys.executable, "-m", "pipeline", command, *map(str, arguments), "--home", str(home)]
    return subprocess.run(said, capture_output=True, text=True, timeout=120)


def test_a_part_is_restyled_with_its_sound_and_kept_apart_from_the_whole(
    clip: Path, home: Path, tmp_path: Path
) -> None:
    arguments = (clip, "-o", tmp_path / "out.mp4", "--preset", "fast", "--json")
    first = run("generate", home, *arguments, "--from", f"{PART.start}f", "--to", f"{PART.stop}f")
    assert first.returncode == 0, first.stderr
    report = json.loads(first.stdout)
    assert report["clip"]["used"] == {"start": PART.start, "stop": PART.stop, "frames_in_file": FRAMES}
    assert report["frames_in"] == report["frames_out"] == len(PART) and abs(report["audio_offset_ms"]) < 0.05
    made = probe(tmp_path / "out.mp4")
    assert made.audio and abs(made.audio.duration_s - made.duration_s) < Fraction(2048, made.audio.rate_hz)

    seconds = (f"{float(made.time_s(PART.start)):.3f}", f"{PART.stop / float(made.rate):.3f}")
    same = run("generate", home, *arguments, "--from", seconds[0], "--to", f"{seconds[1]}s")
    assert {stage["cache"] for stage in json.loads(same.stdout)["stages"]} == {"hit"}, "the same part in seconds"
    other = run("generate", home, *arguments, "--from", f"{PART.start + 1}f", "--to", f"{PART.stop}f")
    assert next(each for each in json.loads(other.stdout)["stages"] if each["name"] == "analyse")["cache"] == "miss"


def test_the_pixels_outside_of_the_person_are_those_of_the_part(clip: Path, home: Path, tmp_path: Path) -> None:
    ended = run("steady", home, clip, "-o", tmp_path / "calm.mp4", "--from", "0.4", "--set", "stabilise.strength=0")
    assert ended.returncode == 0, ended.stderr
    calm, source = probe(tmp_path / "calm.mp4"), probe(clip)
    assert len(calm) == FRAMES - PART.start
    for frame in ClipFrames.of(calm, Size(320, 180)).read([0, 20]):
        (filmed_frame,) = ClipFrames.of(source).read([PART.start + frame.index])
        difference = frame.rgb.astype(int) - filmed_frame.rgb
        assert abs(difference).mean() < 4


def test_a_preview_is_of_a_frame_of_the_part(clip: Path, home: Path, tmp_path: Path) -> None:
    arguments = (clip, "-o", tmp_path / "look.jpg", "--json", "--preset", "fast")
    told = json.loads(run("preview", home, *arguments, "--from", "50f", "--at", "0").stdout)
    assert told["at"] == 50


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (("--from", "soon"), "--from cannot be 'soon'"),
        (("--to", "-1"), "--to cannot be '-1'"),
        (("--from", "1", "--to", "1"), "From 1 s to 1 s is no part of a clip"),
        (("--to", "0"), "A part that ends where the clip begins has no frames"),
        (("--from", "60f"), "beyond the end of the clip"),
        (("--to", "61f"), "Frame 61 is beyond the end of the clip, which has 60 frames"),
        (("--to", "1e3"), "--to cannot be '1e3'"),
    ],
)
def test_what_is_no_part_is_refused_in_a_sentence(
    clip: Path, home: Path, tmp_path: Path, options: tuple[str, ...], why: str
) -> None:
    ended = run("generate", home, clip, "-o", tmp_path / "out.mp4", "--preset", "fast", *options)
    assert ended.returncode == 1 and "Traceback" not in ended.stderr
    assert why in " ".join(ended.stderr.split()) and not (tmp_path / "out.mp4").exists()


def test_a_subject_is_pointed_at_in_frames_of_the_whole_clip(clip: Path, home: Path) -> None:
    from pipeline.see.who import subject_rule

    chosen = {"trim.from_s": 1.0, "analysis.subject": "pointed", "analysis.point_frame": 40, "analysis.point_x": 160.0}
    context = RunContext(Store(home / "cache"), Settings.load("fast", chosen).flat())
    part = open_clip(clip, context)
    assert part.start == 30
    rule = subject_rule(context.settings, part)
    assert not isinstance(rule, str) and rule.index == 10
    with pytest.raises(ClipError, match="Frame 3 is not in the part that is used, frames 30 to 59"):
        subject_rule({**context.settings, "analysis.point_frame": 3}, part)
