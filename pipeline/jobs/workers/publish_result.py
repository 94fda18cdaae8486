"""Publishes the outcome of a job: its files, and what its page and the ledger know of it."""

import json
from pathlib import Path
from typing import Any

from pipeline.jobs.job import Job
from pipeline.jobs.results import Results
from pipeline.kind import Outcome
from pipeline.kinds import find_kind
from pipeline.library.given import portable
from pipeline.result.names import CLIP, FACTS, SETTINGS
from utils.digest import digest_file

FORMAT = 2
"""Version of the facts; those of format 1 have no kind, and all are of restyled clips."""
COPIES, BESIDE_BYTES = 3, 4_000_000
"""Estimate of a result's size on disk: its clip and two page copies hardly larger than it, plus all small files."""


def publish(results: Results, job: Job, outcome: Outcome) -> dict[str, Any]:
    """Write the result, all files at once or none; returns the figures that the ledger keeps of it."""
    return results.appear(job.id, COPIES * outcome.bytes + BESIDE_BYTES, lambda part: _fill(part, job, outcome))


def _fill(part: Path, job: Job, outcome: Outcome) -> dict[str, Any]:
    """Write all files of a result into a folder."""
    published, order, kind = outcome.write(part), job.order, find_kind(job.order.kind)
    asked = portable(order.chosen, kind.file_settings.values())
    look = kind.summary(order.all_settings())
    about = {"kind": order.kind, "preset": order.preset}
    (part / SETTINGS).write_text(json.dumps({**about, **asked}, indent=1))
    facts = {"format": FORMAT, "title": order.title, **about, "look": look, "settings": asked}
    (part / FACTS).write_text(json.dumps({**facts, **published.facts}))
    clip = {"digest": digest_file(part / CLIP), "bytes": (part / CLIP).stat().st_size}
    return {"look": look, **clip, **published.figures}
