"""Routes of the dashboard: cache statistics and tasks, measures of finished clips, and the state of the machine."""

import time
from collections.abc import Mapping
from dataclasses import asdict
from functools import cache as once
from typing import Any

from fastapi import APIRouter

from pipeline.jobs.job import Job, State
from pipeline.jobs.line import in_hand
from pipeline.jobs.workers.ahead_log import AheadLog
from pipeline.kinds import stage_sentence
from pipeline.lasting import MEANINGS, by_class, lasting_of
from pipeline.report.quality import MEASURES
from ui.board import card, summary
from ui.cache_tasks import KINDS, CacheTask, CacheTaskError, CacheTasks
from ui.figures import marked, number
from ui.machine import CachedFact, Machine, graphics, room
from ui.problems import NotHere
from ui.studio import Studio
from utils.home import cache_folder
from utils.store import Figures, Stats, Store

STATS_S, ROOM_S, GPU_S = 2.0, 20.0, 4.0
MOST_VIDEOS = 200
SPENT = ("computed_s", "found_s", "saved_s", "saved_bytes", "peak_rss_mb")
"""What making a video took, in the order in which it is told."""
MOST_BYTES = 1 << 60


def routes(studio: Studio) -> APIRouter:
    """/dashboard and /cache."""
    router, machine = APIRouter(), Machine(studio.home)
    store = once(lambda: Store(cache_folder(studio.home)))
    stats, sizes = CachedFact(STATS_S, lambda: store().stats()), CachedFact(ROOM_S, lambda: room(studio.home))
    cards = CachedFact(GPU_S, lambda: graphics(studio.home))
    tasks = CacheTasks(studio.home, changed=lambda: _forget(stats, sizes))

    @router.get("/dashboard")
    def show() -> dict[str, Any]:
        now, jobs = stats.now(), studio.ledger.all()
        cards_of = {job.id: card(job) for job in jobs}
        made = studio.ledger.parts()
        making = in_hand(studio.ledger.workflows)
        return {
            "now": time.time(),
            "cache": cache(now) if now else None,
            "ahead_spent_s": AheadLog(studio.home).spent_s(),
            "chore": _task(tasks.last),
            "measures": [asdict(each) for each in MEASURES],
            "videos": videos(jobs),
            "states": {state: sum(job.state == state for job in jobs) for state in State},
            "workers": [
                {
                    **machine.worker(sign),
                    "card": cards_of.get(sign.job),
                    "parts": making.get(sign.name, []),
                    "made": [dict(zip(("job", "parts", "of"), each, strict=True)) for each in made.get(sign.name, ())],
                }
                for sign in studio.ledger.workers()
            ],
            "machine": {**machine.summary(), "gpus": cards.now()},
            "room": sizes.now(),
        }

    @router.post("/cache/{kind}")
    async def begin(kind: str, to_bytes: str = "") -> dict[str, Any] | None:
        if kind not in KINDS:
            raise NotHere(f"The cache has no {kind!r}.", f"It has {', '.join(KINDS)}.")
        return _task(tasks.start(kind, _limit(to_bytes) if kind == "prune" else 0))

    return router


def _forget(*facts: CachedFact[Any]) -> None:
    for fact in facts:
        fact.stale()


def cache(stats: Stats) -> dict[str, Any]:
    """Size and hit rate of the cache, in all, per class of results, and per stage."""
    did = sum((stage.figures for stage in stats.stages.values()), Figures())
    stages = [
        {
            "name": name,
            "title": stage_sentence(name),
            "lasting": lasting_of(name),
            "entries": stage.entries,
            "bytes": stage.bytes,
            **_did(stage.figures),
        }
        for name, stage in stats.stages.items()
    ]
    held = {name: value for name, value in asdict(stats).items() if name != "stages"}
    classes = [
        {"name": name, "meaning": MEANINGS[name], "entries": each.entries, "bytes": each.bytes, **_did(each.figures)}
        for name, each in by_class(stats.stages).items()
    ]
    return {**held, **_did(did), "classes": classes, "stages": sorted(stages, key=lambda stage: -stage["work_s"])}


def videos(jobs: list[Job]) -> list[dict[str, Any]]:
    """The finished jobs, the latest first, with the measures of their results."""
    done = sorted((job for job in jobs if job.state is State.DONE), key=lambda job: -(job.finished_at or 0))
    return [
        {
            "job": job.id,
            "title": job.order.title,
            "preset": job.order.preset,
            "kind": job.order.kind,
            "look": summary(job.order),
            "finished_at": job.finished_at,
            "seconds": number(job.took_s),
            **{name: number(job.result.get(name)) for name in ("frames", "cached", "bytes")},
            "warnings": len(job.result.get("warnings") or ()),
            "numbers": marked(job.result),
            "spent": {name: number(job.result.get(name)) for name in SPENT},
            "card": job.result.get("card"),
            "stages": list(map(_stage, job.result.get("stages") or ())),
        }
        for job in done[:MOST_VIDEOS]
    ]


def _stage(stage: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": str(stage.get("name", "")),
        "title": stage_sentence(str(stage.get("name", ""))),
        "seconds": number(stage.get("seconds")),
        "hit": stage.get("cache") == "hit",
    }


def _did(figures: Figures) -> dict[str, Any]:
    told = {name: getattr(figures, name) for name in ("found", "work_s", "saved_s", "saved_bytes", "hit_rate")}
    return {**asdict(figures), **told}


def _task(task: CacheTask | None) -> dict[str, Any] | None:
    return asdict(task) if task else None


def _limit(text: str) -> int:
    """Parse a byte limit from the page."""
    if not text.isascii() or not text.isdigit() or int(text) > MOST_BYTES:
        raise CacheTaskError("That is not a size.", "Say how many GB the cache may keep, 0 or more.")
    return int(text)
