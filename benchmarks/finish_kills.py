"""Kills the rendering of a film at random moments: nothing finished may be done again, and the film must be the same.

python -m benchmarks.finish_kills [KILLS]
Each round begins with an empty cache, and is killed and started again until its film is there. Frames and their times
are compared with those of a run that nobody disturbed; the test does the same with fewer kills.
"""

import argparse
import random
import signal
import sys
import tempfile
import time
from fractions import Fraction
from pathlib import Path

from tests.films import clip
from tests.test_finish_kills import PLAN, kept, shown, started
from utils.home import cache_folder
from utils.store import Store

LONGEST_S = 9.0
"""A kill comes at most this long after a start: in imports, in a chunk, between two, or while the film is joined."""


def main() -> None:
    """Kill as often as asked, and say what was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kills", nargs="?", type=int, default=50)
    asked, moments, start = parser.parse_args().kills, random.Random(7), time.monotonic()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        clip(folder / "talk.mp4", 1100, Fraction(25))
        (folder / "plan.yaml").write_text(PLAN)
        started(folder, "whole").wait()
        whole, chunks = shown(folder / "whole.mp4"), kept(folder, "whole")
        kills = rounds = again = wrong = 0
        while kills < asked:
            name = f"round{rounds}"
            kills += _round(folder, name, moments)
            made = Store(cache_folder(folder / name)).stats().stages["film"].figures.misses
            again += made - chunks
            wrong += shown(folder / f"{name}.mp4") != whole
            rounds += 1
    took_s = time.monotonic() - start
    print(f"{kills} kills in {rounds} renders of {chunks} chunks, {took_s:.0f} s: {again} finished chunks were made")
    print(f"again, and {wrong} films differ in pixels or times from the undisturbed one")
    sys.exit(bool(again or wrong))


def _round(folder: Path, name: str, moments: random.Random) -> int:
    """Start a render again and again until its film is there; returns how often it was killed."""
    kills = 0
    while not (folder / f"{name}.mp4").exists():
        process = started(folder, name)
        end = time.monotonic() + moments.uniform(0, LONGEST_S)
        while process.poll() is None and time.monotonic() < end:
            time.sleep(0.01)
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
            kills += 1
        process.wait()
    return kills


if __name__ == "__main__":
    main()
