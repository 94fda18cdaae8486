"""Results: one folder per finished job, which appears atomically. Light: publish_result.py writes what is in them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pipeline.jobs.workers.previews import Previews
from pipeline.result.names import FACTS
from utils.disk import sync
from utils.errors import StoreFull
from utils.store.shared.opening import release

PART, OLD = ".part", ".old"

Facts = TypeVar("Facts")


@dataclass(frozen=True)
class Results:
    """The folder of all results of a home."""

    folder: Path

    @classmethod
    def of(cls, home: Path) -> Results:
        """The results of a home."""
        return cls(home.absolute() / "results")

    def place(self, job: str) -> Path:
        """The folder of a job's result, which exists once the job is done."""
        return self.folder / job

    def facts(self, job: str) -> dict[str, Any] | None:
        """The facts of a result that its page shows; None if there is no result."""
        try:
            return dict(json.loads((self.place(job) / FACTS).read_bytes()))
        except (OSError, ValueError):
            return None

    def appear(self, job: str, needed_bytes: int, fill: Callable[[Path], Facts]) -> Facts:
        """Let `fill` write a result into a hidden folder, then rename it into place; returns what `fill` returned."""
        part, place, old = (self.folder / f"{job}{end}" for end in (PART, "", OLD))
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        try:
            self._check_room(needed_bytes)
            facts = fill(part)
        except BaseException:
            shutil.rmtree(part, ignore_errors=True)
            raise
        sync(part)
        if place.exists():
            place.rename(old)
        part.rename(place)
        sync(self.folder)
        shutil.rmtree(old, ignore_errors=True)
        return facts

    def _check_room(self, needed_bytes: int) -> None:
        """Raise StoreFull if the disk lacks space, so that the job waits instead of failing so near to its end."""
        free = shutil.disk_usage(self.folder).free
        if free < needed_bytes:
            raise StoreFull(
                f"The disk of the results is full: {needed_bytes} bytes are needed, {free} are free.",
                "Make room; the job goes on by itself.",
                needed_bytes,
            )

    def remove(self, job: str) -> None:
        """Delete a job's result and its window previews, if there are any; shared results are no longer kept for it."""
        shutil.rmtree(self.place(job), ignore_errors=True)
        Previews.of(self.folder.parent, job).remove()
        release(self.folder.parent, job)

    def sweep(self) -> None:
        """Clean up after a crash: delete partial results, and restore a result that was being replaced."""
        for leftover in self.folder.glob(f"*{PART}"):
            shutil.rmtree(leftover, ignore_errors=True)
        for leftover in self.folder.glob(f"*{OLD}"):
            place = leftover.with_suffix("")
            if place.exists():
                shutil.rmtree(leftover, ignore_errors=True)
            else:
                leftover.rename(place)
