"""A clip all the way through with a model, from the command line, with tiny ones in the home folder."""

import json
import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.journeys import filmed, pictures
from tests.tiny_models import tiny_model, wan_lora
from utils.image.metrics import psnr_db
from utils.media.probe import Limits, scan
from utils.project import PROJECT_ROOT
from utils.walker import Shot, walk

pytestmark = pytest.mark.slow

SHOT = Shot(size=(240, 136), frames=85)
AT_ONCE = ("--set", "generate.windows=at once")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("home")
    tiny_model("vace", folder / "models")
    tiny_model("controlnet", folder / "models")
    tiny_model("bernini", folder / "models")
    wan_lora(folder / "models" / "loras" / "mine.safetensors", "wan", strength=0.1)
    cv2.imwrite(str(folder / "coat.png"), np.full((40, 30, 3), (0, 0, 200), np.uint8))
    return folder


def run(home: Path, clip: Path, out: Path, *more: str) -> "subprocess.CompletedProcess[str]":
    quick = ["--set", "generate.steps=1", "--set", "generate.guidance=1", "--set", "encode.crf=10"]
    command = ["generate", str(clip), "-o", str(out), "--preset", "fast", "--engine", "vace", "--home", str(home)]
    env = {**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1", "HF_HOME": str(home / "hub")}
    env.pop("RESHOOT_MODELS", None)
    return subprocess.run(
        [sys.executable, "-m", "pipeline", *command, "--prompt", "a red raincoat", *quick, *more, "--json"],
        capture_output=True,
        text=True,
        cwd=PROJECT_ROOT,
        env=env,
    )


def test_only_the_person_changes_and_all_frames_are_there(home: Path, tmp_path: Path) -> None:
    clip, out = filmed(tmp_path, SHOT), tmp_path / "out.mp4"
    done = run(home, clip, out, "--set", "generate.loras=mine:0.5")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["frames_out"] == SHOT.frames and report["edit_magnitude"] > 5
    made, truths = pictures(scan(out, Limits())), [truth for _, truth in walk(SHOT)]
    for index in range(0, SHOT.frames, 20):
        source, far = pictures(scan(clip, Limits()))[index], cv2.dilate(truths[index].matte, np.ones((41, 41))) == 0
        assert psnr_db(made[index], source, far) > 35
        inside = cv2.erode(truths[index].matte, np.ones((5, 5))) > 250
        assert psnr_db(made[index], source, inside) < 25
    again = json.loads(run(home, clip, out, "--set", "generate.loras=mine:0.5").stdout)
    assert {stage["cache"] for stage in again["stages"]} == {"hit"}
    other = json.loads(run(home, clip, out, "--set", "generate.loras=mine:0.6", *AT_ONCE).stdout)
    assert "make anchors with vace" in [stage["name"] for stage in other["stages"]]
    missed = [stage["name"] for stage in other["stages"] if stage["cache"] != "hit"]
    assert any("make" in name for name in missed) and "analyse" not in missed


@pytest.mark.parametrize("engine", ["controlnet", "bernini"])
def test_others_go_the_same_way(home: Path, tmp_path: Path, engine: str) -> None:
    """Windows of the one go on from each other, those of the other are blended; only the person changes."""
    shot = Shot(size=(160, 96), frames=40)
    clip, out = filmed(tmp_path, shot), tmp_path / "out.mp4"
    shown = ("--reference", str(home / "coat.png"), "--guide", str(clip))
    done = run(home, clip, out, "--engine", engine, "--set", "generate.control=edges", *shown)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["frames_out"] == shot.frames and report["edit_magnitude"] > 5
    told = {event["sentence"] for event in report["events"]}
    assert ("bernini is not led by a guide." in told) == (engine == "bernini")
    made, sources, truths = pictures(scan(out, Limits())), pictures(scan(clip, Limits())), [t for _, t in walk(shot)]
    for index in (0, 20, 39):
        far = cv2.dilate(truths[index].matte, np.ones((31, 31))) == 0
        assert psnr_db(made[index], sources[index], far) > 35
        assert psnr_db(made[index], sources[index], truths[index].matte > 250) < 25


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ("generate.model=wan-vace-14b", "wan-vace-14b are not here"),
        ("generate.model=wan-vace-2b", "no model 'wan-vace-2b'"),
        ("generate.loras=gone", "The LoRA gone is not here"),
        ("generate.negative_prompt=" + "rain " * 2000, "2,000 are the most"),
    ],
)
def test_what_is_missing_is_told_before_anything_is_computed(
    home: Path, tmp_path: Path, changed: str, told: str
) -> None:
    clip = filmed(tmp_path, Shot(size=(160, 96), frames=3))
    done = run(home, clip, tmp_path / "out.mp4", "--set", changed)
    assert done.returncode != 0 and told in " ".join(done.stderr.split()), done.stderr
    assert "Traceback" not in done.stderr and "Finding" not in done.stderr
