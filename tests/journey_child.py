"""Journeys that die: `python -m tests.journey_child CLIP CACHE LOG SEED` starts one again and again until it lives.

Each is a fork, killed with SIGKILL a moment after some step that it tells of. The log gets a line for each frame of a
window that is made, and one for each death.
"""

import os
import random
import signal
import sys
import threading
from pathlib import Path
from typing import Any

from tests.journeys import bench, journey
from utils.progress import Progress

WINDOWS: dict[str, Any] = {
    "segments__count": 7,
    "segments__least_s": 0.1,
    "segments__overlap_frames": 3,
    "generate__apply_to": "both",
    "encode__x264_preset": "ultrafast",
}
STEPS, LATER_S = 90, 0.03
"""At most so many steps are taken before a death, and it comes so much later."""


class Doom:
    """Listens, and ends the process."""

    def __init__(self, log: Path, chance: random.Random) -> None:
        self._log, self._later_s = log, chance.uniform(0, LATER_S)
        self._left = chance.randrange(1, STEPS)

    def __call__(self, told: Progress) -> None:
        if told.stage.startswith("make") and told.note not in ("", "computed", "from the cache"):
            note(self._log, f"frame {told.done}")
        self._left -= 1
        if self._left == 0:
            threading.Timer(self._later_s, os.kill, (os.getpid(), signal.SIGKILL)).start()


def note(log: Path, line: str) -> None:
    with log.open("a") as file:
        file.write(line + "\n")


def forked(clip: Path, cache: Path, listener: Doom) -> bool:
    """Whether a journey in a forked process lived to its end."""
    child = os.fork()
    if child == 0:
        journey(clip, bench(cache, told=listener, **WINDOWS))
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return False
    assert status == 0
    return True


def main(clip: str, cache: str, log: str, seed: str) -> None:
    """Until one lives."""
    chance = random.Random(seed)
    while not forked(Path(clip), Path(cache), Doom(Path(log), chance)):
        note(Path(log), "killed")


if __name__ == "__main__":
    main(*sys.argv[1:])
