"""python -m benchmarks.journey: all quality measures of a run with their limits, on footage with ground truth.

Options: --frames N for another length, --size WxH, --only NAME (several may be given), --rounds N for the timings.
Exit status 1 when a number is missed.
"""

import argparse
import logging
import sys
from fractions import Fraction

from benchmarks import journey_cost, journey_person, journey_sliding, journey_truth
from benchmarks.journey_ground import Line, Measure, standing
from utils.walker import Shot

MEASURES: dict[str, Measure] = {
    "camera": journey_truth.camera,
    "close": journey_truth.close,
    "calm": journey_truth.calm,
    "identity": journey_person.identity,
    "phases": journey_truth.phases,
    "plate": journey_truth.plate,
    "contacts": journey_truth.contacts,
    "sliding": journey_sliding.sliding,
    "looks": journey_person.looks,
    "windows": journey_person.windows,
    "accounts": journey_person.accounts,
    "memory": journey_cost.memory,
    "timing": journey_cost.timing,
}


def main() -> int:
    """Print one line per number, as it becomes known."""
    options = _options()
    logging.disable()
    missed = 0
    print(f"{'what':<58}{'asked':<18}{'measured':<46}met", flush=True)
    with standing(Shot(options.size, Fraction(30), options.frames, seed=options.seed), options.rounds) as ground:
        for name in options.only or MEASURES:
            for line in MEASURES[name](ground):
                print(_shown(line), flush=True)
                missed += line.met is False
    print(f"\n{missed} missed" if missed else "\nall met")
    return int(missed > 0)


def _shown(line: Line) -> str:
    met = {True: "yes", False: "NO", None: ""}[line.met]
    return f"{line.what:<58}{line.asked:<18}{line.measured:<46}{met}"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.journey", description=__doc__)
    parser.add_argument("--frames", type=int, default=300, help="of the ordinary clip, 30 a second")
    parser.add_argument("--size", type=_size, default=(1280, 720), help="of its picture, as 1280x720")
    parser.add_argument("--seed", type=int, default=0, help="another walk of the same kind, shaken another way")
    parser.add_argument("--rounds", type=int, default=3, help="how often each timing is taken")
    parser.add_argument("--only", action="append", choices=MEASURES, help="measure this alone; may be repeated")
    return parser.parse_args()


def _size(text: str) -> tuple[int, int]:
    width, height = text.split("x")
    return int(width), int(height)


if __name__ == "__main__":
    sys.exit(main())
