"""python -m benchmarks.promise: how well a home keeps what it promises: the seconds that a job is expected to take.

Ten jobs of different clips, presets and looks go through one real worker, one after the other, in a home that has done
nothing before. What is promised when a job is submitted is compared with what it then took by the clock, and the time
that is said to be left while it runs with the time that was left.
"""

import argparse
import random
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from pipeline.jobs.expectation import Expectations
from pipeline.jobs.job import State
from pipeline.jobs.order import make_order
from pipeline.kinds import find_kind
from pipeline.library.clips import Clips
from tests.workers import House, house
from utils.media.probe import Limits, scan
from utils.media.video import ClipFrames
from utils.media.write import ClipWriter, Encoding, Shape
from utils.walker import Reels, Shot, film

SHOTS = (
    ((640, 360), 120), ((320, 180), 60), ((1280, 720), 60), ((360, 640), 180), ((854, 480), 90),
    ((640, 360), 300), ((1280, 720), 120), ((480, 270), 240), ((960, 540), 45), ((1920, 1080), 30),
)  # fmt: skip
"""Size and frames of the walkers; pieces of real clips take the place of every second one."""
PRESETS = ("fast", "balanced", "fast", "quality", "balanced")
LOOKS = ("paint", "film", "ink", "watercolour", "clay", "noir", "charcoal")
KINDS = (".mp4", ".m4v")
PATIENCE_S = 1200.0
LOOK_S, LAST_S = 0.5, 3.0
"""How often the time left is looked at, and the last seconds of a job, in which nobody looks at it."""


@dataclass(frozen=True)
class Kept:
    """One job: what was promised, and what it took."""

    title: str
    promised_s: float
    took_s: float
    left_off: tuple[float, ...]
    """How far the time left was off at each look at it, as a share of what was left."""

    @property
    def off(self) -> float:
        """How far the promise was off, as a share of the time that the job took."""
        return abs(self.promised_s - self.took_s) / self.took_s


def main() -> None:
    """Run the jobs and print each promise beside what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--footage", type=Path, help="a folder of real clips; pieces of them are used as well")
    parser.add_argument("--jobs", type=int, default=len(SHOTS))
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, house(Path(folder, "home")) as home:
        kept = []
        for number, clip in enumerate(_clips(Path(folder), options.footage, options.jobs, options.seed)):
            kept.append(_done(home, clip, PRESETS[number % len(PRESETS)], LOOKS[number % len(LOOKS)]))
            one = kept[-1]
            print(
                f"{one.title:<56} promised {one.promised_s:6.1f} s, took {one.took_s:6.1f} s: {one.off:4.0%} off",
                end="",
            )
            print(f"; left {median(one.left_off):4.0%}" if one.left_off else "")
    within = sum(one.off <= 1 / 3 for one in kept)
    print(f"promise: median {median(one.off for one in kept):.0%} off; {within} of {len(kept)} within a third")
    print(f"time left while they ran: median {median(off for one in kept for off in one.left_off):.0%} off")


def _clips(folder: Path, footage: Path | None, count: int, seed: int) -> Iterator[Path]:
    """Clips of different sizes and lengths, in an order that the seed decides."""
    shuffled = random.Random(seed)
    shots = shuffled.sample(SHOTS, len(SHOTS))
    real = sorted(path for path in footage.iterdir() if path.suffix in KINDS) if footage else []
    shuffled.shuffle(real)
    for number in range(count):
        size, frames = shots[number % len(shots)]
        if number % 2 and real:
            yield _piece(real[number // 2 % len(real)], folder, frames, number)
        else:
            path = folder / f"walker-{number}-{size[0]}x{size[1]}-{frames}.mp4"
            film(Shot(size=size, frames=frames, seed=seed + number), Reels(clip=path))
            yield path


def _piece(source: Path, folder: Path, frames: int, number: int) -> Path:
    """The first frames of a real clip."""
    clip = scan(source, Limits())
    path = folder / f"{number}-{source.stem}-{clip.size.width_px}x{clip.size.height_px}-{frames}.mp4"
    with ClipWriter(path, Shape.steady(clip.size, clip.rate), Encoding(18)) as writer:
        for frame in ClipFrames.of(clip).read(range(min(frames, len(clip)))):
            writer.write(frame.rgb, frame.index)
    return path


def _done(home: House, clip: Path, preset: str, look: str) -> Kept:
    """Submit a job for a clip, wait for its end, and compare."""
    known, kind = Clips(home.home), find_kind("restyle")
    digest = known.take(clip, clip.name)
    known.look(digest)
    job = home.ledger.submit(make_order(kind, {"clip": digest}, clip.name, {"generate.look": look}, preset))
    promised = Expectations(home.ledger, home.home).of(job)
    assert promised
    end = time.monotonic() + PATIENCE_S
    told: list[tuple[float, float]] = []
    while not (ended := home.ledger.get(job.id)).state.ended:
        assert time.monotonic() < end, ended
        if ended.left_s is not None:
            told.append((time.monotonic(), ended.left_s))
        time.sleep(LOOK_S)
    over = time.monotonic()
    left_off = tuple(abs(left_s - (over - at)) / (over - at) for at, left_s in told if over - at > LAST_S)
    assert ended.state is State.DONE, ended.problem
    assert ended.took_s
    return Kept(f"{clip.stem} {preset} {look}", promised.seconds, ended.took_s, left_off)


if __name__ == "__main__":
    main()
