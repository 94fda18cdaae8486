"""The cost of a run: memory by length, time relative to decoding and encoding alone, and time of a cached run."""

import os
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from statistics import median

import numpy as np
from numpy.typing import NDArray

from benchmarks.journey_ground import Ground, Line, at_most, bench_of
from benchmarks.measure import peak_mb
from pipeline.processor import restyle
from pipeline.see.open_clip import open_clip
from tests.journeys import filmed
from utils.media.clip import Clip
from utils.media.intake import probe
from utils.media.video import ClipFrames
from utils.media.write import Encoding, write_clip

Doubles = NDArray[np.float64]

LONGER = 6
"""The factor by which the long clip is longer."""
MOST = {"fast": 6, "balanced": 14}
"""The limit of each preset, in times of decoding and encoding the same clip."""
CODE = """
import sys; from pathlib import Path
from benchmarks.journey_cost import run
from utils.process_resources import share_malloc_arena
share_malloc_arena()
run(Path(sys.argv[1]), Path(sys.argv[2]), "fast")
"""


def memory(ground: Ground) -> Iterator[Line]:
    """Peak memory of a clip and of one six times as long, each in a process of its own."""
    long = replace(ground.shot, frames=LONGER * ground.shot.frames)
    folder = ground.folder / "long"
    folder.mkdir()
    paths = {"short": ground.path, "long": filmed(folder, long, sound=True)}
    peaks = {name: peak_mb(CODE, str(path), str(ground.folder / f"{name} cache")) for name, path in paths.items()}
    ratio = peaks["long"] / peaks["short"]
    measured = f"{ratio:.3f} ({peaks['short']:.0f} and {peaks['long']:.0f} MB)"
    what = f"peak memory, {float(long.seconds):g} s / {float(ground.shot.seconds):g} s clip"
    yield Line(what, "<= 1.15", measured, ratio <= 1.15)


def timing(ground: Ground) -> Iterator[Line]:
    """The time of each preset with an empty and with a full cache, in turn with decoding and encoding alone."""
    for preset, most in MOST.items():
        _warm_up(ground, preset)
        rounds = [_in_turn(ground, preset) for _ in range(ground.rounds)]
        ratio, of_cpu = (float(median(first[kind] / unit[kind] for unit, first, _ in rounds)) for kind in (0, 1))
        walls = [median(each[which][0] for each in rounds) for which in (1, 0)]
        measured = f"{ratio:.2f} ({walls[0]:.1f} / {walls[1]:.1f} s; CPU {of_cpu:.1f}; load {os.getloadavg()[0]:.1f})"
        yield Line(f"{preset}, in decodes and encodes of the clip", f"<= {most}", measured, ratio <= most)
        again = float(median(second[0] / first[0] for _, first, second in rounds))
        yield at_most(f"{preset}, the same run again / first run", 0.05, again)


def _in_turn(ground: Ground, preset: str) -> tuple[Doubles, Doubles, Doubles]:
    """Seconds of decoding and encoding (the mean of before and after), of a first run, and of the same run again."""
    cache, target = ground.folder / f"empty {preset}", ground.folder / "unit.mp4"
    clip = probe(ground.path)
    before = _seconds(lambda: _unit(clip, target, preset))
    first = _seconds(lambda: run(ground.path, cache, preset))
    after = _seconds(lambda: _unit(clip, target, preset))
    again = _seconds(lambda: run(ground.path, cache, preset))
    shutil.rmtree(cache)
    return (before + after) / 2, first, again


def _seconds(task: Callable[[], object]) -> Doubles:
    """Wall-clock and processor seconds of a task; the latter say more on a busy machine."""
    start, used = time.perf_counter(), sum(os.times()[:4])
    task()
    return np.array([time.perf_counter() - start, sum(os.times()[:4]) - used])


def _unit(clip: Clip, target: Path, preset: str) -> None:
    """Decode and encode the clip, as a preset encodes; the unit of the measured times."""
    settings = bench_of(target.with_suffix(""), preset).settings
    write_clip(target, ClipFrames.of(clip), clip, Encoding(settings["encode.crf"], settings["encode.x264_preset"]))


def run(path: Path, cache: Path, preset: str) -> None:
    """Restyle a clip with a cache of its own."""
    bench = bench_of(cache, preset)
    restyle(open_clip(path, bench), bench)


def _warm_up(ground: Ground, preset: str) -> None:
    """Run one second of the clip, so that loading libraries is not measured."""
    folder = ground.folder / f"warm {preset}"
    folder.mkdir()
    path = filmed(folder, replace(ground.shot, frames=min(30, ground.shot.frames)), sound=True)
    _unit(probe(path), folder / "unit.mp4", preset)
    run(path, folder / "cache", preset)
