"""A clip all the way through with painted key frames, from the command line, with a tiny model in the home folder."""

import json
import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.journeys import filmed, pictures
from tests.tiny_models import tiny_model
from utils.image.metrics import psnr_db
from utils.media.probe import Limits, scan
from utils.project import PROJECT_ROOT
from utils.walker import Shot, walk

pytestmark = pytest.mark.slow

SHOT = Shot(size=(256, 144), frames=60)


@pytest.mark.parametrize("windows", ["in turn", "at once"])
def test_only_the_person_changes_and_all_frames_are_there(tmp_path: Path, windows: str) -> None:
    home, clip, out = tmp_path / "home", filmed(tmp_path, SHOT), tmp_path / "out.mp4"
    tiny_model("edit", home / "models")
    env = {**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1", "HF_HOME": str(home / "hub")}
    env.pop("RESHOOT_MODELS", None)
    command = ["generate", str(clip), "-o", str(out), "--preset", "fast", "--engine", "edit", "--home", str(home)]
    more = ["--prompt", "a red raincoat", "--set", "generate.steps=1", "--set", "encode.crf=10", "--json"]
    more += ["--set", f"generate.windows={windows}"]
    done = subprocess.run([sys.executable, "-m", "pipeline", *command, *more], capture_output=True, text=True,
                          cwd=PROJECT_ROOT, env=env)  # fmt: skip
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["frames_out"] == SHOT.frames and report["edit_magnitude"] > 5
    assert ("make anchors with edit" in [each["name"] for each in report["stages"]]) == (windows == "at once")
    made, sources = pictures(scan(out, Limits())), pictures(scan(clip, Limits()))
    for index, (_, truth) in enumerate(walk(SHOT)):
        far = cv2.dilate(truth.matte, np.ones((41, 41))) == 0
        assert psnr_db(made[index], sources[index], far) > 33
        inside = cv2.erode(truth.matte, np.ones((5, 5))) > 250
        assert inside.sum() < 50 or psnr_db(made[index], sources[index], inside) < 25
