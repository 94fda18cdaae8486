"""Publishes the result of a job: the clip, its report, its settings, and copies that a page can play."""

import json
from pathlib import Path
from typing import Any

from pipeline.jobs.job import Job
from pipeline.jobs.result_views import facts, figures, write_views
from pipeline.jobs.results import CLIP, FACTS, SETTINGS, Results
from pipeline.library.export import deliver, write_report
from pipeline.library.references import portable
from pipeline.report.journey import Journey
from pipeline.report.report import report
from pipeline.stage import RunContext
from utils.digest import digest_file

COPIES, BESIDE_BYTES = 3, 4_000_000
"""Estimate of a result's size on disk: its clip and two page copies hardly larger than it, plus all small files."""


def publish(results: Results, job: Job, journey: Journey, context: RunContext) -> dict[str, Any]:
    """Write the result, all files at once or none; returns the figures that the ledger keeps of it."""
    needed = COPIES * journey.encoded.entry.manifest.bytes + BESIDE_BYTES
    return results.appear(job.id, needed, lambda part: _fill(part, job, journey, context))


def _fill(part: Path, job: Job, journey: Journey, context: RunContext) -> dict[str, Any]:
    """Write all files of a result into a folder."""
    numbers = report(journey)
    deliver(journey, part / CLIP, job.order.preset)
    write_report(journey, numbers, part)
    done = write_views(journey, context, part)
    (part / SETTINGS).write_text(json.dumps({"preset": job.order.preset, **portable(job.order.settings)}, indent=1))
    (part / FACTS).write_text(json.dumps(facts(job, journey, numbers, part)))
    about = {"digest": digest_file(part / CLIP), "bytes": (part / CLIP).stat().st_size}
    return about | figures(journey, numbers, done)
