"""Alignment against truth: how far times and places are off, what is sure, and what aligning costs beside decoding.

python -m benchmarks.align [CASE ...]
Pairs of 8 s at 640x360; decoding is that of both clips to their proxies, which aligning cannot do without.
"""

import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from tests.aligned import TRUE, Case, Pair, Scene
from utils.align.alignment import Alignment, align
from utils.align.labels import Label
from utils.align.placing import Refusal
from utils.align.proxies import Proxies
from utils.size import Size

SIZE, PAN_PX, SECONDS = Size(640, 360), 60.0, 8.0
CASES = {
    **TRUE,
    "same": Case("same"),
    "longer": Case("longer", begin_s=-1.0, end_s=9.0),
    "still": Case("still", scene=Scene(stop_s=(3.0, 4.5))),
    "loop": Case("loop", scene=Scene(period_s=2.0)),
    "little": Case("little", scene=Scene(pan_px=0.0, patches=1, turning=0.5)),
    "unrelated": Case("unrelated", other=Scene(seed=99)),
    "reversed": Case("reversed", edit=lambda times: times[::-1]),
}
HEAD = ("case", "sure", "p95", "max", "place px", "scale", "1 sigma", "2 sigma", "decoding s", "aligning s", "ratio")


def main() -> None:
    """All cases, or those that are named."""
    off = list[float]()
    print(_line(HEAD))
    with tempfile.TemporaryDirectory() as folder:
        for name in sys.argv[1:] or CASES:
            row, errors = measured(large(CASES[name]).made(Path(folder)))
            print(_line(row), flush=True)
            off += errors
    shares = [float(np.mean(np.array(off) < times)) for times in (1, 2)]
    print(f"Within one sigma {shares[0]:.1%}, within two {shares[1]:.1%}, over all sure frames.")


def large(case: Case) -> Case:
    """A case at twice the size, and longer."""
    scene = replace(case.scene, size=SIZE, pan_px=2 * case.scene.pan_px)
    other = replace(case.other, size=SIZE, pan_px=PAN_PX) if case.other else None
    left, top, width, height = (2 * each for each in case.crop)
    return replace(case, scene=scene, other=other, seconds=SECONDS, crop=(left, top, width, height))


def measured(pair: Pair) -> tuple[tuple[str, ...], list[float]]:
    """The row of a pair, and how far its sure frames are off in units of their sigma."""
    started = time.perf_counter()
    clips = Proxies.of(pair.background), Proxies.of(pair.foreground)
    decoded = time.perf_counter()
    try:
        found = align(*clips)
    except Refusal:
        return (pair.name, "refused", *[""] * 6, f"{decoded - started:.2f}", f"{_since(decoded):.2f}", ""), []
    seconds = _since(decoded)
    times = (f"{decoded - started:.2f}", f"{seconds:.2f}", f"{seconds / (decoded - started):.1f}")
    sure = np.array([label is Label.SURE for label in found.labels]) & np.isfinite(pair.truth)
    if not sure.any():
        return (pair.name, "none", "", "", *_place(pair, found), "", "", *times), []
    off = np.abs(found.moments - pair.truth)[sure]
    ratio = off / found.sigma[sure]
    row = (
        pair.name, f"{sure.sum() / np.isfinite(pair.truth).sum():.1%}", f"{np.quantile(off, 0.95):.2f}",
        f"{off.max():.2f}", *_place(pair, found), f"{np.mean(ratio < 1):.0%}", f"{np.mean(ratio < 2):.0%}", *times,
    )  # fmt: skip
    return row, list(ratio)


def _line(cells: tuple[str, ...]) -> str:
    return cells[0].ljust(12) + "".join(cell.rjust(12) for cell in cells[1:])


def _since(moment: float) -> float:
    return time.perf_counter() - moment


def _place(pair: Pair, found: Alignment) -> tuple[str, str]:
    place = found.placement
    away = max(abs(place.left - pair.corner[0]), abs(place.top - pair.corner[1]))
    return f"{away:.2f}", f"{100 * (place.scale / pair.scale - 1):+.3f} %"


if __name__ == "__main__":
    main()
