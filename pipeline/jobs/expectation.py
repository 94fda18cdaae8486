"""What jobs are expected to take: estimates of their kind, corrected by the jobs that this home has finished."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from pipeline.estimate import Estimate, FinishedRun
from pipeline.jobs.job import Job, State
from pipeline.jobs.ledger import Ledger
from pipeline.kinds import find_kind, kinds
from pipeline.library.clips import Clips, NoClip
from pipeline.library.inputs import clip_id


def estimates(
    ledger: Ledger, facts: Mapping[str, Any], settings: Mapping[str, Mapping[str, Any]] | None = None
) -> dict[str, dict[str, Estimate]]:
    """What each kind of job would take for a clip with these facts, by preset; `settings` are those chosen by kind."""
    done, chosen = ledger.in_state(State.DONE), settings or {}
    return {
        kind.name: dict(kind.estimate(facts, finished_runs(done, kind.name), chosen.get(kind.name, {})))
        for kind in kinds()
    }


@dataclass(frozen=True)
class Expectations:
    """What jobs of a home are expected to take, by the jobs that it had finished when this was first asked."""

    ledger: Ledger
    home: Path

    @cached_property
    def _done(self) -> list[Job]:
        return self.ledger.in_state(State.DONE)

    def of(self, job: Job) -> Estimate | None:
        """What a job will take; None if its clip was not inspected yet."""
        try:
            inspection = Clips(self.home).get(clip_id(self.home, job.order.inputs["clip"])).inspection
        except NoClip:
            return None
        if not inspection or not inspection.facts:
            return None
        history = finished_runs(self._done, job.order.kind)
        facts = used_facts(inspection.facts, job.order.settings)
        return find_kind(job.order.kind).estimate(facts, history, job.order.settings).get(job.order.preset)


def used_facts(facts: Mapping[str, Any], settings: Mapping[str, Any]) -> Mapping[str, Any]:
    """The facts about a clip with as many frames as the part of it has that is used."""
    from_s, to_s = (float(settings.get(name, 0.0)) for name in ("trim.from_s", "trim.to_s"))
    length_s = float(facts.get("seconds", 0.0))
    if not length_s or not (from_s or to_s):
        return facts
    used = (min(to_s or length_s, length_s) - from_s) / length_s
    return {**facts, "frames": max(1, round(facts["frames"] * used))}


def finished_runs(jobs: Sequence[Job], kind: str) -> list[FinishedRun]:
    """The finished jobs of a kind that took nothing from the cache, in the order in which they ended."""
    done = [job for job in jobs if job.order.kind == kind and job.result.get("cached") == 0]
    return [_finished(job) for job in sorted(done, key=lambda job: job.finished_at or 0)]


def _finished(job: Job) -> FinishedRun:
    pixels = job.result["width"] * job.result["height"]
    return FinishedRun(job.order.preset, job.result["frames"], pixels, job.took_s or 0.0, job.order.settings)
