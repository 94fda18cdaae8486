"""The Jobs tab's data as JSON, cached for a moment so that many open pages cost one read of the ledger."""

import json
import shutil
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from hashlib import blake2b
from typing import Any

from pipeline.jobs.board import Board, read_board
from pipeline.jobs.costs import WindowWork, cost_of
from pipeline.jobs.expectation import Expectations
from pipeline.jobs.job import Job, State, WorkerSign
from pipeline.jobs.order import Order
from pipeline.kinds import find_kind, stage_sentence
from pipeline.library.clips import Clips, NoClip
from pipeline.library.inputs import clip_id
from pipeline.result.names import POSTER
from ui.studio import Studio
from utils.errors import SettingsError

FRESH_S, ALIVE_S = 0.3, 15.0
MIB = 1 << 20
SILENCE_STEP_S, DISK_STEP_BYTES = 5, 10**8
"""Values that change constantly are rounded to these steps, so that the ETag stays the same in between."""
EXPECTED_S = 30.0
"""For how long the jobs that were finished are taken for those by which the others are estimated."""
RESULT_FIELDS = ("frames", "bytes", "cached", "warnings", "card")
PLAYABLE = (State.RUNNING, State.PAUSED, State.CANCELLED, State.FAILED)


@dataclass
class BoardView:
    """A short-lived cache of the board, and its JSON for each browser."""

    studio: Studio
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _boards: dict[tuple[int, int], tuple[float, Board]] = field(default_factory=dict)
    _windows: dict[str, tuple[int, list[Any]]] = field(default_factory=dict)
    _expected_s: dict[tuple[str, str], float] = field(default_factory=dict)
    """What each job was expected to take when it was first shown with its preset: a promise does not change."""
    _expectations: tuple[float, Expectations] | None = None

    def stale(self) -> None:
        """Drop the cache after a change, so that the next request sees it."""
        with self._lock:
            self._boards.clear()

    def page(self, owner: str, most_in_line: int, most_ended: int) -> tuple[str, dict[str, Any]]:
        """The board as JSON for one browser, with its ETag."""
        board = self._board((most_in_line, most_ended))
        shown = {
            "worker": _worker(board.workers),
            "disk": {"free_bytes": shutil.disk_usage(self.studio.home).free // DISK_STEP_BYTES * DISK_STEP_BYTES},
            "counts": board.counts,
            "batches": {id: vars(batch) for id, batch in board.batches.items()},
            "jobs": [self.view(job, owner, board.windows.get(job.id, ())) for job in board.jobs],
        }
        tag = blake2b(json.dumps(shown).encode(), digest_size=12).hexdigest()
        return f'"{tag}"', {"now": time.time(), "tag": f'"{tag}"', **shown}

    def view(self, job: Job, owner: str, made: Sequence[WindowWork] | None = None) -> dict[str, Any]:
        """A job as JSON for one browser; `wish` is its requested action. Who made its windows is read unless given."""
        cost = cost_of(job, self.studio.ledger.window_work(job.id) if made is None else made)
        return {
            "id": job.id,
            "title": job.order.title,
            "state": job.state,
            "wish": job.requested_action,
            "share": round(job.share, 4),
            "stage": stage_sentence(job.stage, job.note),
            "left_s": None if job.left_s is None else round(job.left_s),
            "problem": job.problem,
            "remedy": job.remedy,
            "expected_s": None if job.state.ended else self._expected(job),
            "took_s": job.took_s if job.state.ended else None,
            "card": card(job),
            "cost": cost.to_json() if cost else None,
            "batch": job.order.batch,
            "batch_name": job.order.batch_name,
            "mine": bool(owner) and job.order.owner == owner,
            "ask_first": job.order.owner not in ("", owner),
            "kind": job.order.kind,
            "preset": job.order.preset,
            "look": summary(job.order),
            "clip": clip_id(self.studio.home, job.order.inputs["clip"]),
            "picture": self._picture(job),
            "created": job.created_at,
            "started": job.started_at,
            "finished": job.finished_at,
            "attempts": job.attempts,
            "needs_bytes": job.needs_bytes,
            "windows": self._playable(job.id) if job.state in PLAYABLE else [],
            "result": {name: job.result.get(name) for name in RESULT_FIELDS} if job.state == State.DONE else None,
        }

    def _board(self, most: tuple[int, int]) -> Board:
        with self._lock:
            now = time.monotonic()
            self._boards = {limits: cached for limits, cached in self._boards.items() if now - cached[0] < FRESH_S}
            if most not in self._boards:
                self._boards[most] = (now, read_board(self.studio.ledger, *most))
            return self._boards[most][1]

    def _expected(self, job: Job) -> float | None:
        """The seconds that a job was expected to take when it was first shown; None before its clip is inspected."""
        key = (job.id, job.order.preset)
        if key not in self._expected_s:
            now = time.monotonic()
            if self._expectations is None or now - self._expectations[0] > EXPECTED_S:
                self._expectations = (now, Expectations(self.studio.ledger, self.studio.home))
            if estimate := self._expectations[1].of(job):
                self._expected_s[key] = estimate.seconds
        return self._expected_s.get(key)

    def _picture(self, job: Job) -> str | None:
        """The URL of a still: of the result once there is one, else of the clip."""
        if job.state == State.DONE:
            return f"/studio/results/{job.id}/{POSTER}?inline=1&v={str(job.result.get('digest', ''))[:12]}"
        clip = clip_id(self.studio.home, job.order.inputs["clip"])
        try:
            is_there = Clips(self.studio.home).poster(clip).is_file()
        except NoClip:
            return None
        return f"/studio/clips/{clip}/poster.jpg" if is_there else None

    def _playable(self, job: str) -> list[Any]:
        """The finished windows of a job, read again only if their list has changed."""
        path = self.studio.home / "previews" / job / "windows.json"
        try:
            changed = path.stat().st_mtime_ns
            if self._windows.get(job, (0, []))[0] != changed:
                self._windows[job] = (changed, [_to_watch(job, window) for window in json.loads(path.read_bytes())])
        except (OSError, ValueError, KeyError):
            self._windows.pop(job, None)
        return self._windows.get(job, (0, []))[1]


def _to_watch(job: str, window: Mapping[str, Any]) -> dict[str, Any]:
    """A finished window with the URL of its preview, which contains its digest so that browsers may cache it."""
    facts = {name: window[name] for name in ("index", "segment", "start", "stop")}
    return {**facts, "url": f"/studio/previews/{job}/{window['index']}.mp4?of={window['digest'][:12]}"}


def differing(order: Order) -> list[dict[str, Any]]:
    """The settings in which an order differs from its preset, with the titles and units that people read."""
    usual, settings = _preset(order.kind, order.preset), find_kind(order.kind).settings
    changed = {name: value for name, value in order.chosen.items() if usual.get(name) != value}
    fields = {field.name: field for field in settings.fields() if field.name in changed}
    return [
        {
            "name": name,
            "title": fields[name].title if name in fields else name,
            "unit": fields[name].unit if name in fields else "",
            "value": value,
            "usual": usual.get(name),
        }
        for name, value in changed.items()
    ]


def quick_choices(order: Order) -> list[dict[str, Any]]:
    """What can be changed on the card of a waiting job: its preset, and a few settings with choices."""
    kind, now = find_kind(order.kind), {**_preset(order.kind, order.preset), **order.settings}
    fields = [field for field in map(kind.settings.field, kind.quick) if field.choices]
    presets = [{"name": "preset", "title": "Preset", "choices": list(kind.presets), "now": order.preset}]
    return [
        *(presets if kind.presets else ()),
        *({"name": field.name, "title": field.title, "choices": list(field.choices), "now": now.get(field.name)}
          for field in fields),
    ]  # fmt: skip


def card(job: Job) -> dict[str, float] | None:
    """The graphics card under a running job's engine: the share in which it is busy, and its memory in bytes."""
    if job.card is None or job.state is not State.RUNNING:
        return None
    used, total = (round(job.card[f"{which}_mb"] * MIB) for which in ("used", "total"))
    return {"busy": round(job.card["busy"], 2), "used": used, "total": total}


def summary(order: Order) -> str:
    """A word or two on an order's settings; empty if they are of a version whose settings no longer exist."""
    try:
        return find_kind(order.kind).summary({**_preset(order.kind, order.preset), **order.settings})
    except (SettingsError, KeyError, ValueError):
        return ""


@cache
def _preset(kind: str, name: str) -> Mapping[str, Any]:
    try:
        return find_kind(kind).settings.load(name).flat()
    except SettingsError:
        return {}


def _worker(signs: tuple[WorkerSign, ...]) -> dict[str, Any]:
    """The worker with the latest heartbeat."""
    if not signs:
        return {"alive": False, "name": "", "silent_s": None}
    latest = max(signs, key=lambda sign: sign.beat_at)
    silent_s = max(0.0, time.time() - latest.beat_at)
    steps = int(silent_s // SILENCE_STEP_S) * SILENCE_STEP_S
    return {"alive": silent_s < ALIVE_S, "name": latest.name, "silent_s": steps}
