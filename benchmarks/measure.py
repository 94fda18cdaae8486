"""Timing for a noisy machine: contenders take turns for several rounds; medians and ratios are compared."""

import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from statistics import median

from utils.project import PROJECT_ROOT


def side_by_side(contenders: Mapping[str, Callable[[], object]], rounds: int = 3) -> dict[str, float]:
    """Median seconds of each contender; every round runs each once, after a warm-up round."""
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for number in range(rounds + 1):
        for name, run in contenders.items():
            start = time.perf_counter()
            run()
            if number:
                seconds[name].append(time.perf_counter() - start)
    return {name: median(values) for name, values in seconds.items()}


def table(title: str, seconds: Mapping[str, float], of: str) -> None:
    """Print medians, and each as a multiple of the one named `of`."""
    print(f"\n{title}")
    for name, value in seconds.items():
        print(f"  {name:<28} {value:8.3f} s   {value / seconds[of]:6.2f} x")


def peak_mb(code: str, *arguments: str) -> float:
    """Peak resident memory of a Python program, run in a process of its own so that ours does not count."""
    tail = "\nfrom utils.process_resources import peak_mb\nprint(peak_mb())"
    child = subprocess.run(
        [sys.executable, "-c", code + tail, *arguments], cwd=PROJECT_ROOT, capture_output=True, text=True, check=True
    )
    return float(child.stdout.split()[-1])
