"""`python -m pipeline finish` as people type it: a plan is drafted, edited and rendered."""

import json
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import pytest
import yaml

from tests.films import clip, numbers
from tests.sound import sounding
from tests.test_film_sound import noise
from utils.image.picture_file import read_picture
from utils.project import PROJECT_ROOT

SRT = "1\n00:00:01,000 --> 00:00:02,000\nWe drink coffee\n\n2\n00:00:03,000 --> 00:00:03,500\nnow\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("command")
    sounding(place / "talk.mov", clip(place / "pictures.mp4", 125, Fraction(25)), noise(5))
    (place / "broll").mkdir()
    clip(place / "broll" / "hot-coffee.mp4", 50, Fraction(25))
    (place / "broll" / "rain.mp4").write_bytes(b"broken")
    (place / "said.srt").write_text(SRT)
    (place / "silences.json").write_text(json.dumps([[0, 400], [2000, 2900], [4000, 4300]]))
    return place


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pipeline", "finish", *arguments, "--home", str(folder / "home")]
    return subprocess.run(command, cwd=PROJECT_ROOT, capture_output=True, text=True)


def test_a_plan_is_drafted_edited_and_rendered(folder: Path) -> None:
    files = ("--subtitles", "said.srt", "--silences", "silences.json", "--broll", "broll")
    named = [str(folder / each) if not each.startswith("--") else each for each in files]
    plan, otio = folder / "plan.yaml", folder / "cuts.otio"
    done = run(folder, "plan", str(folder / "talk.mov"), "-o", str(plan), *named, "--otio", str(otio))
    assert done.returncode == 0, done.stderr
    told = yaml.safe_load(plan.read_text())
    assert [(each["from_s"], each["to_s"]) for each in told["cut"]] == [(0.0, 0.28), (2.12, 2.78)]
    assert [each["file"] for each in told["broll"]] == ["broll/hot-coffee.mp4"] and told["broll"][0]["at_s"] == 1.0
    ranges = [each["source_range"] for each in json.loads(otio.read_text())["tracks"]["children"][0]["children"]]
    assert [(each["start_time"]["value"], each["duration"]["value"]) for each in ranges] == [(7, 46), (70, 55)]

    told["zoom"], told["broll"], told["subtitles"] = None, [], None
    plan.write_text(yaml.safe_dump(told))
    out = folder / "film.mp4"
    done = run(folder, "render", str(folder / "talk.mov"), "--plan", str(plan), "-o", str(out), "--json")
    assert done.returncode == 0, done.stderr
    facts = json.loads(done.stdout)
    assert facts["frames"] == 101 and facts["encoded"] == 1
    assert numbers(out) == [*range(7, 53), *range(70, 125)]
    done = run(folder, "plan", str(folder / "talk.mov"), "-o", str(plan))
    assert done.returncode == 1 and "There is a plan" in done.stderr, "what people edited is not written over"
    done = run(folder, "render", str(folder / "talk.mov"), "--plan", str(plan), "-o", str(out))
    assert "0 of 1 chunks encoded" in done.stdout


def test_a_moment_is_drawn_without_rendering(folder: Path) -> None:
    out = folder / "frame.jpg"
    done = run(folder, "frame", str(folder / "talk.mov"), "-o", str(out), "--at", "2")
    assert done.returncode == 0, done.stderr
    assert "frame 50 of 125" in done.stdout and read_picture(out).shape == (90, 160, 3)


def test_what_is_wrong_is_one_sentence_and_a_next_step(folder: Path) -> None:
    (folder / "wrong.yaml").write_text("zoom: {most: 7}\n")
    done = run(
        folder, "render", str(folder / "talk.mov"), "--plan", str(folder / "wrong.yaml"), "-o", str(folder / "x.mp4")
    )
    assert done.returncode == 1 and "zoom.most cannot be used" in done.stderr and "Traceback" not in done.stderr
    assert not (folder / "x.mp4").exists()
    (folder / "said.yaml").write_text("subtitles: {file: said.srt}\n")
    clip_and_plan = (str(folder / "talk.mov"), "--plan", str(folder / "said.yaml"))
    done = run(folder, "render", *clip_and_plan, "-o", str(folder / "said.mp4"))
    assert done.returncode == 1 and "would replace 'said.srt'" in done.stderr
    assert (folder / "said.srt").read_text() == SRT
