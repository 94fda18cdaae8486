"""A render that is killed again and again: no finished chunk is encoded twice, and the film is the same in the end."""

import os
import signal
import subprocess
import sys
import time
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from tests.films import clip
from utils.digest import digest_bytes
from utils.home import cache_folder
from utils.project import PROJECT_ROOT
from utils.store import Store

pytestmark = pytest.mark.slow

KILLS, PATIENCE_S = 4, 120.0
PLAN = """
cut: [{from_s: 2, to_s: 3}, {from_s: 21, to_s: 22}]
zoom: {most: 1.08}
titles: [{text: Film, from_s: 4, to_s: 9}]
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("kills")
    clip(place / "talk.mp4", 1100, Fraction(25))
    (place / "plan.yaml").write_text(PLAN)
    return place


def started(folder: Path, name: str) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "pipeline", "finish", "render", str(folder / "talk.mp4"), "-o", f"{name}.mp4"]
    command += ["--plan", str(folder / "plan.yaml"), "--home", str(folder / name), "--set", "encode.x264_preset=slower"]
    env = {**os.environ, "PYTHONPATH": str(PROJECT_ROOT)}
    return subprocess.Popen(command, cwd=folder, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def kept(folder: Path, name: str) -> int:
    """How many chunks are in the cache."""
    cache = cache_folder(folder / name)
    return sum(entry.stage == "film" for entry in Store(cache).entries()) if cache.is_dir() else 0


def shown(path: Path) -> list[tuple[int | None, str]]:
    """The pts and the pixels of every frame."""
    with av.open(str(path)) as container:
        return [
            (each.pts, digest_bytes(np.ascontiguousarray(each.to_ndarray()).tobytes()))
            for each in container.decode(video=0)
        ]


def test_what_was_finished_stays_and_the_film_is_the_same(folder: Path) -> None:
    generator = np.random.default_rng(3)
    for _ in range(KILLS):
        process, before, end = started(folder, "killed"), kept(folder, "killed"), time.monotonic() + PATIENCE_S
        while process.poll() is None and kept(folder, "killed") == before and time.monotonic() < end:
            time.sleep(0.05)
        time.sleep(float(generator.uniform(0, 0.4)))
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert kept(folder, "killed") >= before
    assert started(folder, "killed").wait(PATIENCE_S) == 0
    assert started(folder, "whole").wait(PATIENCE_S) == 0
    assert shown(folder / "killed.mp4") == shown(folder / "whole.mp4")
    made = Store(cache_folder(folder / "killed")).stats().stages["film"].figures.misses
    assert made == kept(folder, "killed") == kept(folder, "whole") > 3
