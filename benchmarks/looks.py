"""python -m benchmarks.looks CLIP ... [--looks paint,picture:woodcut]: how steady and how strong looks are.

A part of each clip goes all the way in each look, and two of the report's numbers are printed: the warp error in the
matte over the source's own, and the change there in Delta E. `picture:NAME` is the look picture after a style picture.
"""

import argparse
import logging
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.journey_ground import bench_of
from pipeline.engines.looks import LOOKS, is_here
from pipeline.engines.looks.styles import style_file
from pipeline.processor import restyle
from pipeline.report.report import report
from pipeline.see.open_clip import open_clip
from pipeline.stage import RunContext
from tests.journeys import with_settings

MOST, LEAST = 1.2, 10
"""Warp error over the source's own that is asked at most, and the change in Delta E that is asked at least."""


@dataclass(frozen=True)
class Part:
    """Some seconds of one clip; what is known of them is found once for all looks."""

    path: Path
    context: RunContext

    def lines(self, looks: list[str]) -> Iterator[str]:
        """A line for each look, as it becomes known; numbers that are not as asked are marked."""
        for name in looks:
            ratio, change = self._numbers(name)
            marks = "  too unsteady" * (ratio > MOST) + "  too weak" * (change < LEAST)
            yield f"{name:<20} {ratio:.3f} x   {change:5.1f} Delta E{marks}"

    def _numbers(self, name: str) -> tuple[float, float]:
        look, _, style = name.partition(":")
        reference = str(style_file(style)) if style else ""
        on = with_settings(self.context, generate__look=look, generate__reference=reference)
        numbers = report(restyle(open_clip(self.path, on), on))
        return numbers["warp_error"]["ratio"], numbers["edit_magnitude"]


def main() -> None:
    """Print the table of each clip."""
    options = _options()
    logging.disable()
    for path in options.clips:
        with tempfile.TemporaryDirectory() as folder:
            print(f"\n{path.name}", flush=True)
            times = {"trim__from_s": options.from_s, "trim__to_s": options.from_s + options.seconds}
            for line in Part(path, with_settings(bench_of(Path(folder), options.preset), **times)).lines(options.looks):
                print(f"  {line}", flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.looks", description=__doc__)
    parser.add_argument("clips", type=Path, nargs="+", help="the clips")
    parser.add_argument("--looks", type=lambda text: text.split(","), default=[name for name in LOOKS if is_here(name)])
    parser.add_argument("--from", dest="from_s", type=float, default=1.0, help="where the part begins, in seconds")
    parser.add_argument("--seconds", type=float, default=0.8, help="how long it is")
    parser.add_argument("--preset", default="balanced", help="the preset of all other settings")
    return parser.parse_args()


if __name__ == "__main__":
    main()
