"""What a run is expected to take: it grows as it must, learns from what was done, and loads nothing heavy."""

import subprocess
import sys
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import pytest

from pipeline.engines import engine
from pipeline.engines.base import Cost
from pipeline.engines.device import Device, this_device
from pipeline.estimate import Estimate, FinishedRun, slowness, yardstick
from pipeline.restyle.estimate import PRICES, _crop, estimates
from pipeline.settings import presets
from tests.engines import Drawing
from utils.project import PROJECT_ROOT
from utils.size import Size

CLIP: dict[str, Any] = {"width": 1280, "height": 720, "frames": 300, "fps": 30.0, "seconds": 10.0}
PIXELS = 1280 * 720
SERIAL = 0.65
"""Seconds by the clock for a second of processor time, with two processors."""


def expected(history: list[FinishedRun] | None = None, **changed: Any) -> dict[str, Estimate]:
    return estimates({**CLIP, **changed}, history or [])


def test_every_preset_has_its_own_and_better_takes_longer() -> None:
    found = expected()
    assert list(found) == list(presets())
    assert found["fast"].seconds < found["balanced"].seconds < found["quality"].seconds


@pytest.mark.parametrize("preset", list(PRICES))
def test_it_grows_with_pixels_and_frames(preset: str) -> None:
    sizes = [expected(width=width, height=width * 9 // 16)[preset] for width in (640, 1280, 1920, 3840)]
    assert all(one.seconds < other.seconds and one.memory_mb < other.memory_mb for one, other in pairwise(sizes))
    lengths = [expected(frames=frames)[preset] for frames in (30, 300, 3000)]
    assert all(one.seconds < other.seconds for one, other in pairwise(lengths))
    assert len({each.memory_mb for each in lengths}) == 1
    assert lengths[2].seconds > 8 * lengths[1].seconds


def test_turning_a_clip_changes_nothing() -> None:
    assert expected(width=720, height=1280) == expected()


def job(preset: str, times: float) -> FinishedRun:
    """One that took so many times as long as it was expected to."""
    return FinishedRun(preset, 300, PIXELS, times * expected()[preset].seconds)


def ratio(history: list[FinishedRun], preset: str = "balanced") -> float:
    return expected(history)[preset].seconds / expected()[preset].seconds


def test_finished_jobs_correct_it() -> None:
    one, many = ratio([job("balanced", 3)]), ratio([job("balanced", 3)] * 10)
    assert 1.5 < one < many < 3 and many == pytest.approx(3, rel=0.1)
    assert ratio([job("balanced", 0.5)] * 10) == pytest.approx(0.5, rel=0.1)
    assert ratio([job("balanced", 1)] * 10) == pytest.approx(1, rel=0.02)


def test_another_preset_counts_less_and_one_is_not_the_other() -> None:
    history = [job("fast", 2), job("quality", 0.5)] * 3
    assert ratio(history, "fast") > ratio(history, "balanced") > ratio(history, "quality")
    assert 1 < ratio([job("fast", 2)], "balanced") < ratio([job("fast", 2)], "fast")


def test_a_later_job_counts_more() -> None:
    """The machine was busy then, and is not now; or the other way round."""
    slow, quick = [job("balanced", 3)] * 3, [job("balanced", 1)] * 3
    assert ratio(slow + quick) < 3**0.5 < ratio(quick + slow)


def test_the_latest_count() -> None:
    assert ratio([job("balanced", 6)] * 50 + [job("balanced", 1)] * 12) == pytest.approx(1, rel=0.02)


def test_what_cannot_be_is_left_out_and_what_is_strange_counts_little() -> None:
    strange = [
        FinishedRun("other", 300, PIXELS, 9),
        FinishedRun("fast", 0, PIXELS, 9),
        FinishedRun("fast", 300, PIXELS, 0),
    ]
    assert expected(strange) == expected()
    asleep = job("balanced", 100_000)
    assert ratio([asleep] + [job("balanced", 1)] * 5) < 1.6


# Processor seconds of whole runs on the walker, 1280x720, 90 frames; the prices come from 640x360 and 960x540 alone.
@pytest.mark.parametrize(("preset", "measured_s"), [("fast", 18.2), ("balanced", 23.3)])
def test_prices_foretell_a_size_they_were_not_made_from(
    monkeypatch: pytest.MonkeyPatch, preset: str, measured_s: float
) -> None:
    """Where they were measured: on this machine, at this moment, the yardstick may take longer."""
    monkeypatch.setattr("pipeline.estimate.slowness", lambda: 1.0)
    engine_s = engine("restyle").estimate({}, _crop(PIXELS), 90, this_device()).seconds
    monkeypatch.setattr("pipeline.estimate.processors", lambda: 2)
    assert (PRICES[preset].seconds(90, PIXELS) + engine_s) / SERIAL == pytest.approx(measured_s, rel=0.15)


def test_what_an_engine_says_of_itself_is_part_of_it() -> None:
    """And where it computes."""

    class Slow(Drawing):
        def estimate(self, settings: Mapping[str, Any], size: Size, frames: int, device: Device) -> Cost:
            return Cost(1000, 20_000, 18_000)

    usual, slow = expected()["fast"], estimates(CLIP, engine=Slow("slow"))["fast"]
    assert slow.seconds == pytest.approx(usual.seconds + 1000, rel=0.02)
    assert slow.memory_mb == 20_000 and slow.vram_mb == 18_000 and usual.vram_mb == 0
    assert "processor" in usual.device and "GB" in usual.device


def test_each_engine_learns_from_its_own_jobs() -> None:
    slow = [job("balanced", 5)._replace(settings={"generate.engine": "vace"}) for _ in range(8)]
    assert ratio(slow) == pytest.approx(1)
    vace = {"generate.engine": "vace"}
    few_steps = estimates(CLIP, settings={**vace, "generate.steps": 4, "generate.guidance": 1.0})["balanced"]
    assert (
        estimates(CLIP, settings=vace)["balanced"].seconds > 5 * few_steps.seconds > 5 * expected()["balanced"].seconds
    )


def test_the_machine_is_measured_once() -> None:
    assert yardstick() > 0
    assert slowness() == slowness() > 0


def test_nothing_heavy_is_loaded() -> None:
    facts = {"width": 9, "height": 9, "frames": 9}
    code = f"import sys; from pipeline.restyle.estimate import estimates; estimates({facts}); print(*sys.modules)"
    child = subprocess.run([sys.executable, "-c", code], cwd=PROJECT_ROOT, capture_output=True, text=True, check=True)
    assert not {"numpy", "cv2", "av", "scipy", "numba", "pydantic", "mediapipe"} & set(child.stdout.split())
