"""Results: a folder for each finished job, whole or not there. Light: what fills them is in publishing.py."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pipeline.jobs.previews import Previews
from utils.disk import sync
from utils.errors import StoreFull

CLIP, SETTINGS, FACTS = "result.mp4", "settings.json", "result.json"
BEFORE, AFTER, POSTER = "before.mp4", "after.mp4", "poster.jpg"
PART, OLD = ".part", ".old"

Told = TypeVar("Told")


@dataclass(frozen=True)
class Results:
    """The folder that holds them all."""

    folder: Path

    @classmethod
    def of(cls, home: Path) -> Results:
        """Those of a home."""
        return cls(home.absolute() / "results")

    def place(self, job: str) -> Path:
        """Where a job's result lies when it is done."""
        return self.folder / job

    def facts(self, job: str) -> dict[str, Any] | None:
        """What a result says of itself; None when there is none."""
        try:
            return dict(json.loads((self.place(job) / FACTS).read_bytes()))
        except (OSError, ValueError):
            return None

    def appear(self, job: str, needed_bytes: int, fill: Callable[[Path], Told]) -> Told:
        """Let all files of a result appear at once, or none; `fill` puts them into a folder and tells of them."""
        part, place, old = (self.folder / f"{job}{end}" for end in (PART, "", OLD))
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        try:
            self._check_room(needed_bytes)
            told = fill(part)
        except BaseException:
            shutil.rmtree(part, ignore_errors=True)
            raise
        sync(part)
        if place.exists():
            place.rename(old)
        part.rename(place)
        sync(self.folder)
        shutil.rmtree(old, ignore_errors=True)
        return told

    def _check_room(self, needed_bytes: int) -> None:
        """A job waits for room rather than fail so near to its end."""
        free = shutil.disk_usage(self.folder).free
        if free < needed_bytes:
            raise StoreFull(
                f"The disk of the results is full: {needed_bytes} bytes are needed, {free} are free.",
                "Make room; the job goes on by itself.",
                needed_bytes,
            )

    def remove(self, job: str) -> None:
        """A job's result, and what could be watched of it before, if there is any."""
        shutil.rmtree(self.place(job), ignore_errors=True)
        Previews.of(self.folder.parent, job).remove()

    def sweep(self) -> None:
        """What a death left half made goes; a folder that was being replaced comes back."""
        for each in self.folder.glob(f"*{PART}"):
            shutil.rmtree(each, ignore_errors=True)
        for each in self.folder.glob(f"*{OLD}"):
            place = each.with_suffix("")
            if place.exists():
                shutil.rmtree(each, ignore_errors=True)
            else:
                each.rename(place)
