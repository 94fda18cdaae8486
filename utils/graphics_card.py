"""The graphics card while work runs on it: how busy it is and how much of its memory is taken, by NVIDIA's NVML.

watch = CardWatch()
with watch.watching():      # a reading a second; nothing where there is no card
    work()
watch.use                   # mean and peak, or None
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from utils.progress import repeating

EVERY_S = 1.0


class CardLost(Exception):
    """The card, or its driver, does not answer; the text says why."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One look at a card: the share of the last moment in which it computed, and its memory, whoever takes it."""

    busy: float
    used_mb: float
    total_mb: float


class Card(Protocol):
    """A card that can be asked."""

    @property
    def name(self) -> str: ...

    def read(self) -> Reading:
        """How it is now; raises CardLost."""
        ...


@dataclass(frozen=True)
class NvidiaCard:
    """A card by its handle in NVML."""

    name: str
    nvml: Any
    handle: Any

    @classmethod
    def first(cls) -> "NvidiaCard | None":
        """The card that models compute on; None where there is no card, no driver, or no package for asking it."""
        wanted = os.environ.get("CUDA_VISIBLE_DEVICES", "0").partition(",")[0].strip()
        if wanted in ("", "-1"):
            return None
        try:
            import pynvml
        except ImportError:
            return None
        try:
            pynvml.nvmlInit()
        except pynvml.NVMLError:
            return None
        try:
            by_number = pynvml.nvmlDeviceGetHandleByIndex
            handle = by_number(int(wanted)) if wanted.isdigit() else pynvml.nvmlDeviceGetHandleByUUID(wanted)
            return cls(str(pynvml.nvmlDeviceGetName(handle)), pynvml, handle)
        except pynvml.NVMLError as error:
            raise CardLost(str(error)) from error

    def read(self) -> Reading:
        """How it is now."""
        try:
            busy = self.nvml.nvmlDeviceGetUtilizationRates(self.handle).gpu
            memory = self.nvml.nvmlDeviceGetMemoryInfo(self.handle)
        except self.nvml.NVMLError as error:
            raise CardLost(str(error)) from error
        return Reading(busy / 100, memory.used / 2**20, memory.total / 2**20)


@dataclass(frozen=True, slots=True)
class CardUse:
    """How a card was used over some time: its mean, and the most memory that was seen taken."""

    name: str
    busy: float
    peak_mb: float
    total_mb: float
    readings: int


class CardWatch:
    """Reads a card once a second while a block runs. What goes wrong with that never stops the work."""

    def __init__(self, find: Callable[[], Card | None] = NvidiaCard.first, every_s: float = EVERY_S) -> None:
        self._find, self._every_s = find, every_s
        self._card: Card | None = None
        self._busy = self._peak_mb = 0.0
        self._readings = 0
        self._last: Reading | None = None
        self.now: Reading | None = None
        """The latest reading while the card is watched."""
        self.problem = ""
        """Why the card could not be read any further."""

    @property
    def use(self) -> CardUse | None:
        """What was seen so far; None if nothing was."""
        if self._card is None or self._last is None:
            return None
        mean = self._busy / self._readings
        return CardUse(self._card.name, mean, self._peak_mb, self._last.total_mb, self._readings)

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Watch the card while the block runs."""
        try:
            self._card = self._find()
        except CardLost as error:
            self.problem = str(error)
        if self._card is None:
            yield
            return
        try:
            with repeating("graphics card", self._every_s, self._look):
                yield
        finally:
            if not self.problem:
                self._look()  # the card tells of the moment before, so that short work is seen too
            self.now = None

    def _look(self) -> bool:
        """Take a reading; False, which ends the watching, once the card is lost."""
        assert self._card
        try:
            reading = self._card.read()
        except CardLost as error:
            self.problem, self.now = str(error), None
            return False
        self._readings += 1
        self._busy += reading.busy
        self._peak_mb = max(self._peak_mb, reading.used_mb)
        self.now = self._last = reading
        return True
