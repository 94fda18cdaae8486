"""The graphics card while work runs: mean and peak of what it says, and trouble that stops no work."""

import sys
import threading
from collections.abc import Iterator, Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from utils.graphics_card import Card, CardLost, CardWatch, NvidiaCard, Reading

READINGS = [Reading(0.2, 4000, 46068), Reading(1.0, 21000, 46068), Reading(0.9, 9000, 46068)]


class Played:
    """A card that says one reading after the other, and then nothing more."""

    name = "NVIDIA A40"

    def __init__(self, readings: Sequence[Reading], problem: str = "") -> None:
        self.left: Iterator[Reading] = iter(readings)
        self.problem, self.asked_out = problem, threading.Event()

    def read(self) -> Reading:
        for reading in self.left:
            return reading
        self.asked_out.set()
        raise CardLost(self.problem)


def watched(card: Card | None) -> CardWatch:
    watch = CardWatch(lambda: card, every_s=0.01)
    with watch.watching():
        if isinstance(card, Played):
            assert card.asked_out.wait(60)
    return watch


def test_mean_and_peak_are_kept_and_a_lost_card_is_told() -> None:
    watch = watched(Played(READINGS, "GPU is lost"))
    use = watch.use
    assert use and use.name == "NVIDIA A40" and use.readings == 3
    assert use.busy == pytest.approx(0.7) and use.peak_mb == 21000 and use.total_mb == 46068
    assert watch.problem == "GPU is lost" and watch.now is None


def test_without_a_card_there_is_nothing_to_tell() -> None:
    watch = watched(None)
    assert watch.use is None and watch.now is None and watch.problem == ""


def test_the_latest_reading_is_there_while_it_is_watched() -> None:
    looks, second = list[int](), threading.Event()

    class Steady(Played):
        def read(self) -> Reading:
            looks.append(1)
            if len(looks) == 2:
                second.set()
            return READINGS[1]

    watch = CardWatch(lambda: Steady([]), every_s=0.01)
    with watch.watching():
        assert second.wait(60)
        seen = watch.now
    assert seen == READINGS[1]
    assert watch.now is None and watch.use is not None


def test_short_work_is_seen_too() -> None:
    watch = CardWatch(lambda: Played(READINGS[1:2]), every_s=60)
    with watch.watching():
        pass
    assert watch.use and watch.use.busy == 1.0 and watch.use.readings == 1


def test_a_card_that_cannot_even_be_found_is_told() -> None:
    def find() -> Card:
        raise CardLost("Unknown Error")

    watch = CardWatch(find)
    with watch.watching():
        pass
    assert watch.problem == "Unknown Error" and watch.use is None


class NVMLError(Exception):
    """As NVIDIA's package has it."""


@pytest.fixture
def nvml(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """NVIDIA's package with one card, by number 3 and by its UUID."""

    def handle(which: object) -> str:
        if which not in (3, "GPU-1"):
            raise NVMLError("Not Found")
        return "card"

    package = SimpleNamespace(
        NVMLError=NVMLError,
        nvmlInit=lambda: None,
        nvmlDeviceGetHandleByIndex=handle,
        nvmlDeviceGetHandleByUUID=handle,
        nvmlDeviceGetName=lambda card: "NVIDIA A40",
        nvmlDeviceGetUtilizationRates=lambda card: SimpleNamespace(gpu=87),
        nvmlDeviceGetMemoryInfo=lambda card: SimpleNamespace(used=21 << 30, total=45 << 30),
    )
    monkeypatch.setitem(sys.modules, "pynvml", package)
    return package


def fails(*_: Any) -> None:
    raise NVMLError("GPU is lost")


@pytest.mark.parametrize("visible", ["3", "3,1", "GPU-1"])
def test_the_card_that_torch_computes_on_is_asked(
    nvml: SimpleNamespace, monkeypatch: pytest.MonkeyPatch, visible: str
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    card = NvidiaCard.first()
    assert card and card.name == "NVIDIA A40" and card.read() == Reading(0.87, 21 * 1024, 45 * 1024)
    nvml.nvmlDeviceGetUtilizationRates = fails
    with pytest.raises(CardLost, match="GPU is lost"):
        card.read()


@pytest.mark.parametrize("visible", ["", "-1"])
def test_a_hidden_card_is_not_asked(nvml: SimpleNamespace, monkeypatch: pytest.MonkeyPatch, visible: str) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert NvidiaCard.first() is None


def test_no_package_no_driver_and_no_such_card(nvml: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    with pytest.raises(CardLost, match="Not Found"):
        NvidiaCard.first()
    nvml.nvmlInit = fails
    assert NvidiaCard.first() is None
    monkeypatch.setitem(sys.modules, "pynvml", None)
    assert NvidiaCard.first() is None
