"""python -m benchmarks.kills: kills worker and app at random moments, and checks the results of their jobs.

The tests do the same with fewer kills. Every result is compared, pixel for pixel, with that of an undisturbed run.
"""

import argparse
import tempfile
import time
from pathlib import Path

from pipeline.jobs.job import State
from tests.journeys import filmed, finished
from tests.ordeal import Ordeal, shown
from tests.workers import house
from utils.walker import Shot

SHOTS = (Shot(size=(320, 180), frames=45), Shot(size=(320, 180), frames=30, seed=1))


def main() -> None:
    """Kill, wait until all jobs have ended, and compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--deaths", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        clips = [filmed(_folder(folder, f"film{number}"), shot) for number, shot in enumerate(SHOTS)]
        with house(_folder(folder, "home"), app=True) as home:
            ordeal, start = Ordeal(home, clips, options.seed), time.monotonic()
            ordeal.run(options.deaths)
            print(f"{ordeal.kills} deaths in {time.monotonic() - start:.0f} s: {dict(ordeal.killed)}")
            _judge(ordeal, _folder(folder, "alone"))


def _judge(ordeal: Ordeal, cache: Path) -> None:
    done = [job for job in ordeal.jobs if ordeal.home.ledger.get(job).state is State.DONE]
    same = [
        job for job in done if shown(ordeal.home.result(job)) == shown(finished(ordeal.undisturbed(job, cache)))
    ]  # fmt: skip
    print(f"{len(ordeal.jobs)} jobs: {len(done)} done, {len(same)} with the pixels of an undisturbed run")
    print(f"damaged or half there: {ordeal.wrong() or 'nothing'}")


def _folder(under: str, name: str) -> Path:
    path = Path(under, name)
    path.mkdir()
    return path


if __name__ == "__main__":
    main()
