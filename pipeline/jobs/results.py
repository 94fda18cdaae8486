"""Results: a folder for each finished job, whole or not there."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.delivery import deliver, write_report
from pipeline.jobs.job import Job
from pipeline.processor import Journey
from pipeline.report import report
from utils.digest import digest_file
from utils.disk import sync

CLIP, SETTINGS = "result.mp4", "settings.json"
PART, OLD = ".part", ".old"


@dataclass(frozen=True)
class Results:
    """The folder that holds them all."""

    folder: Path

    @classmethod
    def of(cls, home: Path) -> "Results":
        """Those of a home."""
        return cls(home.absolute() / "results")

    def place(self, job: str) -> Path:
        """Where a job's result lies when it is done."""
        return self.folder / job

    def publish(self, job: Job, journey: Journey) -> dict[str, Any]:
        """Make it appear, all files at once; returns what the ledger is to know of it."""
        part, place, old = (self.folder / f"{job.id}{end}" for end in (PART, "", OLD))
        told = report(journey)
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        deliver(journey, part / CLIP)
        write_report(journey, told, part)
        (part / SETTINGS).write_text(json.dumps({"preset": job.order.preset, **job.order.settings}, indent=1))
        digest = digest_file(part / CLIP)
        sync(part)
        if place.exists():
            place.rename(old)
        part.rename(place)
        sync(self.folder)
        shutil.rmtree(old, ignore_errors=True)
        return {
            "digest": digest,
            "bytes": (place / CLIP).stat().st_size,
            "frames": told["frames_out"],
            "seconds": round(sum(stage["seconds"] for stage in told["stages"]), 2),
            "cached": sum(stage["cache"] == "hit" for stage in told["stages"]),
            "warnings": [event["sentence"] for event in told["events"] if event["level"] == "warning"],
        }

    def remove(self, job: str) -> None:
        """A job's result, if it has one."""
        shutil.rmtree(self.place(job), ignore_errors=True)

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
