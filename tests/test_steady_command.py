"""python -m pipeline steady, as its user runs it."""

import subprocess
import sys
from pathlib import Path

from tests.journeys import filmed
from utils.camera.path import CameraPath
from utils.media.intake import probe
from utils.project import PROJECT_ROOT
from utils.walker import Shot


def test_the_command_calms_a_clip_and_keeps_all_of_it(tmp_path: Path) -> None:
    clip = filmed(tmp_path, Shot(size=(320, 180), frames=24))
    out, path = tmp_path / "calm.mp4", tmp_path / "calm.json"
    child = subprocess.run(
        [sys.executable, "-m", "pipeline", "steady", str(clip), "-o", str(out), "--path", str(path)],
        cwd=PROJECT_ROOT, capture_output=True, text=True,
    )  # fmt: skip
    assert child.returncode == 0, child.stderr
    assert len(probe(out)) == 24
    calm = CameraPath.from_json(path.read_text())
    assert len(calm) == 24 and calm.canvas.width_px >= 320 and calm.canvas.height_px >= 180


def test_the_command_replaces_no_source(tmp_path: Path) -> None:
    clip = filmed(tmp_path, Shot(size=(320, 180), frames=2))
    child = subprocess.run(
        [sys.executable, "-m", "pipeline", "steady", str(clip), "-o", str(clip)],
        cwd=PROJECT_ROOT, capture_output=True, text=True,
    )  # fmt: skip
    assert child.returncode == 1 and "replace the clip itself" in child.stderr
