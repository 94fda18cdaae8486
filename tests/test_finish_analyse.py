"""python -m pipeline finish analyse: from the command line, in plain words and as JSON."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.spoken import said, sounding
from tests.whispers import bring_tiny
from utils.project import PROJECT_ROOT
from utils.speech.transcript_file import read_transcript

TALK = said(0.6, "This is a short talk about the weather.", 1.0, "Take some water with you.", 0.6)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a clip and a home that has a model."""
    folder = tmp_path_factory.mktemp("place")
    sounding(folder / "talk.mov", TALK.samples)
    bring_tiny(folder / "home" / "models" / "whisper-tiny.en")
    return folder


def run(place: Path, *more: str, code: int = 0) -> str:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "RESHOOT_"))}
    command = [sys.executable, "-m", "pipeline", "finish", "analyse", str(place / "talk.mov"), *more]
    environment = {
        **kept,
        "RESHOOT_HOME": str(place / "home"),
        "HF_HUB_CACHE": str(place / "hub"),
        "HF_HUB_OFFLINE": "1",
    }
    child = subprocess.run(command, cwd=PROJECT_ROOT, env=environment, capture_output=True, text=True)
    assert child.returncode == code and "Traceback" not in child.stderr, child.stderr
    return child.stdout if not code else child.stderr


def test_it_says_what_is_known_and_the_second_time_from_the_cache(place: Path) -> None:
    first, second = run(place), run(place)
    assert "weather" in first and "by whisper-tiny.en" in first and "pauses of" in first and "LUFS" in first
    assert "7 steps" in first and "7 of them from the cache" in second
    assert first.splitlines()[:-1] == second.splitlines()[:-1]


def test_it_writes_what_other_programs_read(place: Path, tmp_path: Path) -> None:
    run(place, "-o", str(tmp_path / "known"))
    names = {path.name for path in (tmp_path / "known").iterdir()}
    assert names == {"known.json", "transcript.srt", "transcript.vtt", "transcript.ass"}
    data = json.loads((tmp_path / "known" / "known.json").read_text())
    read = read_transcript((tmp_path / "known" / "transcript.srt").read_bytes(), "transcript.srt", 60_000)
    assert [cue.text for cue in read.transcript.cues] == [cue["text"] for cue in data["transcript"]["cues"]]
    assert "{\\k" in (tmp_path / "known" / "transcript.ass").read_text()


def test_a_transcript_and_changes_that_are_given_count(place: Path, tmp_path: Path) -> None:
    (tmp_path / "own.vtt").write_text("WEBVTT\n\n00:00.600 --> 00:03.000\nThis is a short talk about whether\n")
    (tmp_path / "changes.json").write_text('{"words": [{"at_ms": 2500, "was": "whether", "text": "weather!"}]}')
    options = ("--transcript", str(tmp_path / "own.vtt"), "--changes", str(tmp_path / "changes.json"), "--json")
    data = json.loads(run(place, *options))
    assert data["transcript"]["cues"][0]["text"] == "This is a short talk about weather!"
    assert data["understood"]["cues"][0]["text"].endswith("whether") and data["transcript"]["source"] == "vtt"
    assert {stage["lasting"] for stage in data["stages"]} == {"permanent", "conditional"}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--transcript", "absent.srt"), "cannot be read"),
        (("--changes", "absent.json"), "cannot be read"),
        (("--set", "silence.least=3"), "silence.least_s"),
        (("--set", "silence.least_s=300"), "0.1 to 30"),
        (("--language-model", "localhost"), "no address of a language model"),
    ],
)
def test_what_is_wrong_is_one_sentence(place: Path, options: tuple[str, str], said: str) -> None:
    assert said in " ".join(run(place, *options, code=1).split())
