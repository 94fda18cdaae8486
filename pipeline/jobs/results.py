"""Results: a folder for each finished job, whole or not there."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.jobs.previews import Previews
from utils.digest import digest_file
from utils.disk import sync
from utils.errors import StoreFull

if TYPE_CHECKING:
    from pipeline.jobs.job import Job
    from pipeline.processor import Journey
    from pipeline.stage import Bench

CLIP, SETTINGS, FACTS = "result.mp4", "settings.json", "result.json"
BEFORE, AFTER, POSTER = "before.mp4", "after.mp4", "poster.jpg"
PART, OLD = ".part", ".old"
COPIES, BESIDE_BYTES = 3, 4_000_000
"""What a result takes on the disk: its clip, views that are hardly larger, and all that lies beside them."""


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

    def publish(self, job: Job, journey: Journey, bench: Bench) -> dict[str, Any]:
        """Make it appear, all files at once; returns what the ledger is to know of it."""
        part, place, old = (self.folder / f"{job.id}{end}" for end in (PART, "", OLD))
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        try:
            self._check_room(journey)
            told = _fill(part, job, journey, bench)
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

    def _check_room(self, journey: Journey) -> None:
        """A job waits for room rather than fail so near to its end."""
        free = shutil.disk_usage(self.folder).free
        needed = COPIES * journey.result.entry.manifest.bytes + BESIDE_BYTES
        if free < needed:
            raise StoreFull(
                f"The disk of the results is full: {needed} bytes are needed, {free} are free.",
                "Make room; the job goes on by itself.",
                needed,
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


def _fill(part: Path, job: Job, journey: Journey, bench: Bench) -> dict[str, Any]:
    """All files of a result."""
    from pipeline.delivery import deliver, write_report
    from pipeline.jobs.showing import facts, figures, write_views
    from pipeline.report import report

    told = report(journey)
    deliver(journey, part / CLIP, job.order.preset)
    write_report(journey, told, part)
    done = write_views(journey, bench, part)
    (part / SETTINGS).write_text(json.dumps({"preset": job.order.preset, **job.order.settings}, indent=1))
    (part / FACTS).write_text(json.dumps(facts(job, journey, told, part)))
    about = {"digest": digest_file(part / CLIP), "bytes": (part / CLIP).stat().st_size}
    return about | figures(journey, told, done)
