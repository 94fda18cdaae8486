"""`python -m pipeline finish` as people type it: a plan is drafted, edited and rendered."""

import json
import os
import re
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml

from tests.cards import BUSY, LOST, played_card
from tests.espeak_child import RATE_HZ
from tests.films import clip, numbers
from tests.sound import sounding
from tests.spoken import said
from tests.test_film_sound import noise
from utils.image.picture_file import read_picture
from utils.project import PROJECT_ROOT

SRT = "1\n00:00:00,800 --> 00:00:02,200\nWe drink coffee.\n\n2\n00:00:03,800 --> 00:00:05,000\nIt is hot.\n"
TALK = said(0.8, "We drink coffee.", 1.6, "It is hot.", 1.2)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("command")
    sounding(place / "noise.mov", clip(place / "pictures.mp4", 125, Fraction(25)), noise(5))
    frames = round(len(TALK.samples) / RATE_HZ * 25)
    spoken = np.interp(np.arange(frames * 1920) / 48_000, np.arange(len(TALK.samples)) / RATE_HZ, TALK.samples)
    sounding(place / "talk.mov", clip(place / "talking.mp4", frames, Fraction(25)), spoken.astype(np.float32))
    (place / "broll").mkdir()
    clip(place / "broll" / "hot-coffee.mp4", 50, Fraction(25))
    (place / "broll" / "drink.mp4").write_bytes(b"broken")
    (place / "said.srt").write_text(SRT)
    return place


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pipeline", "finish", *arguments, "--home", str(folder / "home")]
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "RESHOOT_"))}
    environment = kept | {"HF_HUB_CACHE": str(folder / "hub"), "HF_HUB_OFFLINE": "1"}
    return subprocess.run(command, cwd=PROJECT_ROOT, env=environment, capture_output=True, text=True)


def test_a_plan_is_drafted_edited_and_rendered(folder: Path) -> None:
    files = ("--transcript", str(folder / "said.srt"), "--broll", str(folder / "broll"))
    plan, otio = folder / "plan.yaml", folder / "cuts.otio"
    done = run(folder, "plan", str(folder / "talk.mov"), "-o", str(plan), *files, "--otio", str(otio))
    assert done.returncode == 0, done.stderr
    assert "Cut as silence: 3 parts" in done.stdout and "'drink.mp4' is no b-roll" in done.stdout
    told = yaml.safe_load(plan.read_text())
    assert [each["why"] for each in told["cut"]] == ["silence"] * 3 and told["cut"][0]["from_s"] == 0
    assert [each["file"] for each in told["broll"]] == ["broll/hot-coffee.mp4"]
    ranges = [each["source_range"] for each in json.loads(otio.read_text())["tracks"]["children"][0]["children"]]
    shown = [(int(each["start_time"]["value"]), int(each["duration"]["value"])) for each in ranges]
    assert len(shown) == 2

    told["zoom"], told["broll"] = None, []
    plan.write_text(yaml.safe_dump(told))
    out = folder / "film.mp4"
    done = run(folder, "render", str(folder / "talk.mov"), "--plan", str(plan), "-o", str(out), "--json")
    assert done.returncode == 0, done.stderr
    facts = json.loads(done.stdout)
    wanted = [number for start, length in shown for number in range(start, start + length)]
    assert facts["frames"] == len(wanted) and facts["encoded"] == 1 and facts["subtitles"] == 2
    assert numbers(out) == wanted
    assert facts["spent"]["computed_s"] > 0 and facts["spent"]["peak_rss_mb"] > 50 and facts["spent"]["card"] is None
    assert "We drink coffee." in out.with_suffix(".srt").read_text()
    done = run(folder, "plan", str(folder / "talk.mov"), "-o", str(plan))
    assert done.returncode == 1 and "already" in done.stderr, "what people edited is not written over"
    done = run(folder, "render", str(folder / "talk.mov"), "--plan", str(plan), "-o", str(out))
    assert "0 of 1 chunks encoded" in done.stdout
    (line,) = (each for each in done.stdout.splitlines() if "SSIM" in each)
    assert re.search(
        r"SSIM of 0\.9\d+ to those drawn, a PSNR of [3-9]\d\.\d dB; computed in 0\.0 s, found in \d\.", line
    )
    assert "what had taken" in line and line.endswith(" MB of memory; no graphics card")


def test_what_was_put_back_is_cut_in_no_new_plan(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "changes.json").write_text('{"kept": [{"from_ms": 0, "to_ms": 600}]}')
    files = ("--transcript", str(folder / "said.srt"), "--changes", str(tmp_path / "changes.json"))
    done = run(folder, "plan", str(folder / "talk.mov"), "-o", str(tmp_path / "plan.yaml"), *files)
    assert done.returncode == 0, done.stderr
    assert "Cut as silence: 2 parts" in done.stdout
    assert yaml.safe_load((tmp_path / "plan.yaml").read_text())["cut"][0]["from_s"] > 1


def test_pictures_of_a_folder_and_wishes_by_settings_are_in_the_plan(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "pictures").mkdir()
    cv2.imwrite(str(tmp_path / "pictures" / "coffee.png"), np.full((20, 40, 3), 90, np.uint8))
    files = ("--transcript", str(folder / "said.srt"), "--pictures", str(tmp_path / "pictures"))
    wishes = ("--set", "wanted.silences=keep", "--set", "wanted.zoom=none")
    done = run(folder, "plan", str(folder / "talk.mov"), "-o", str(tmp_path / "plan.yaml"), *files, *wishes)
    assert done.returncode == 0, done.stderr
    told = yaml.safe_load((tmp_path / "plan.yaml").read_text())
    assert [each["file"] for each in told["pictures"]] == ["pictures/coffee.png"]
    assert "cut" not in told and "zoom" not in told
    files = ("--set", f"given.transcript={folder / 'said.srt'}", "--set", f"given.logo={tmp_path}/pictures/coffee.png")
    done = run(folder, "render", str(folder / "talk.mov"), "-o", str(tmp_path / "film.mp4"), *wishes, *files)
    assert done.returncode == 0, done.stderr
    assert "Cut as" not in done.stdout and "1 picture, 1 set of subtitles" in done.stdout
    assert len(numbers(tmp_path / "film.mp4")) == round(len(TALK.samples) / RATE_HZ * 25)
    assert "coffee" in (tmp_path / "film.srt").read_text()


def test_without_a_plan_the_proposed_one_is_rendered_and_said(folder: Path) -> None:
    done = run(folder, "render", str(folder / "talk.mov"), "-o", str(folder / "proposed.mp4"))
    assert done.returncode == 0, done.stderr
    assert "Without a plan, the film is what `finish plan` proposes" in done.stdout
    assert "Cut as silence: 3 parts" in done.stdout and "There is no transcript" in done.stdout
    frames = len(numbers(folder / "proposed.mp4"))
    assert 30 < frames < round(len(TALK.samples) / RATE_HZ * 25) - 40


@pytest.mark.parametrize("answer", [BUSY, LOST], ids=["busy", "lost"])
def test_how_the_card_was_used_is_said_and_its_loss_too(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    monkeypatch.setenv("PYTHONPATH", played_card(tmp_path / "packages", answer))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    (tmp_path / "plan.yaml").write_text("{}")
    clip_and_plan = (str(folder / "noise.mov"), "--plan", str(tmp_path / "plan.yaml"))
    done = run(folder, "render", *clip_and_plan, "-o", str(tmp_path / "film.mp4"))
    assert done.returncode == 0, done.stderr
    busy = "; NVIDIA A40 87% busy, 21,504 MB\n" in done.stdout
    lost = "The graphics card no longer said how it is used: GPU is lost." in done.stdout
    assert (busy, lost) == (answer == BUSY, answer == LOST)


def test_a_moment_is_drawn_without_rendering(folder: Path) -> None:
    out = folder / "frame.jpg"
    done = run(folder, "frame", str(folder / "noise.mov"), "-o", str(out), "--at", "2")
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
    (folder / "own.ass").write_text("not of this film")
    done = run(folder, "render", *clip_and_plan, "-o", str(folder / "own.mp4"))
    assert done.returncode == 1 and "would replace 'own.ass'" in done.stderr
