"""What the Jobs tab shows, read once for all pages that ask within a moment of each other."""

import json
import shutil
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from hashlib import blake2b
from pathlib import Path
from typing import Any

from pipeline.jobs.board import Board, read_board
from pipeline.jobs.job import Job, State, WorkerSign
from pipeline.settings import Settings
from pipeline.stage_texts import sentence
from ui.studio import Studio
from utils.errors import SettingsError

FRESH_S, ALIVE_S = 0.3, 15.0
SILENCE_STEP_S, DISK_STEP_BYTES = 5, 10**8
"""What changes all the time is told in steps, so that a page that knows it all is told just that."""
TOLD_OF_RESULTS = ("frames", "bytes", "seconds", "cached", "warnings")
PLAYABLE = (State.RUNNING, State.PAUSED)


@dataclass
class BoardView:
    """The board as it was a moment ago."""

    studio: Studio
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _boards: dict[tuple[int, int], tuple[float, Board]] = field(default_factory=dict)
    _windows: dict[str, tuple[int, list[Any]]] = field(default_factory=dict)

    def stale(self) -> None:
        """Something was changed: the next page is shown it."""
        with self._lock:
            self._boards.clear()

    def page(self, owner: str, most_in_line: int, most_ended: int) -> tuple[str, dict[str, Any]]:
        """What one browser is shown, and the tag by which it knows that already."""
        board = self._board((most_in_line, most_ended))
        shown = {
            "worker": _worker(board.workers),
            "disk": {"free_bytes": shutil.disk_usage(self.studio.home).free // DISK_STEP_BYTES * DISK_STEP_BYTES},
            "counts": board.counts,
            "batches": {name: {"share": batch.share, "counts": batch.counts} for name, batch in board.batches.items()},
            "jobs": [self.view(job, owner) for job in board.jobs],
        }
        tag = blake2b(json.dumps(shown).encode(), digest_size=12).hexdigest()
        return f'"{tag}"', {"now": time.time(), "tag": f'"{tag}"', **shown}

    def view(self, job: Job, owner: str) -> dict[str, Any]:
        """A job as one browser is shown it."""
        place = Path(job.order.clip)
        folder = self.studio.home.absolute() / "clips"
        return {
            "id": job.id,
            "title": job.order.title,
            "state": job.state,
            "wish": job.wish,
            "share": round(job.share, 4),
            "stage": sentence(job.stage),
            "left_s": None if job.left_s is None else round(job.left_s),
            "problem": job.problem,
            "remedy": job.remedy,
            "batch": job.order.batch,
            "mine": bool(owner) and job.order.owner == owner,
            "ask_first": job.order.owner not in ("", owner),
            "preset": job.order.preset,
            "look": job.order.settings.get("generate.look") or _preset(job.order.preset).get("generate.look", ""),
            "clip": place.parent.name if place.is_relative_to(folder) else "",
            "created": job.created_at,
            "started": job.started_at,
            "finished": job.finished_at,
            "attempts": job.attempts,
            "needs_bytes": job.needs_bytes,
            "windows": self._playable(job.id) if job.state in PLAYABLE else [],
            "result": {name: job.result.get(name) for name in TOLD_OF_RESULTS} if job.state == State.DONE else None,
        }

    def _board(self, most: tuple[int, int]) -> Board:
        with self._lock:
            now = time.monotonic()
            self._boards = {asked: kept for asked, kept in self._boards.items() if now - kept[0] < FRESH_S}
            if most not in self._boards:
                self._boards[most] = (now, read_board(self.studio.ledger, *most))
            return self._boards[most][1]

    def _playable(self, job: str) -> list[Any]:
        """Its finished windows; the list is read again when it changed."""
        path = self.studio.home / "previews" / job / "windows.json"
        try:
            changed = path.stat().st_mtime_ns
            if self._windows.get(job, (0, []))[0] != changed:
                self._windows[job] = (changed, [_to_watch(job, window) for window in json.loads(path.read_bytes())])
        except (OSError, ValueError, KeyError):
            self._windows.pop(job, None)
        return self._windows.get(job, (0, []))[1]


def _to_watch(job: str, window: Mapping[str, Any]) -> dict[str, Any]:
    """A finished window, and where it is; one that was made anew is at another place."""
    told = {name: window[name] for name in ("index", "segment", "start", "stop")}
    return {**told, "url": f"/studio/previews/{job}/{window['index']}.mp4?of={window['digest'][:12]}"}


def differing(job: Job) -> list[dict[str, Any]]:
    """The settings in which a job differs from the preset it stands on."""
    usual = _preset(job.order.preset)
    said = {name: value for name, value in job.order.settings.items() if usual.get(name) != value}
    known = {each.name: each for each in Settings.fields() if each.name in said}
    return [
        {
            "name": name,
            "title": known[name].title if name in known else name,
            "unit": known[name].unit if name in known else "",
            "value": value,
            "usual": usual.get(name),
        }
        for name, value in said.items()
    ]


@cache
def _preset(name: str) -> Mapping[str, Any]:
    try:
        return Settings.load(name).flat()
    except SettingsError:
        return {}


def _worker(signs: tuple[WorkerSign, ...]) -> dict[str, Any]:
    """The one that gave the latest sign of life."""
    if not signs:
        return {"alive": False, "name": "", "silent_s": None}
    latest = max(signs, key=lambda sign: sign.beat_at)
    silent_s = max(0.0, time.time() - latest.beat_at)
    steps = int(silent_s // SILENCE_STEP_S) * SILENCE_STEP_S
    return {"alive": silent_s < ALIVE_S, "name": latest.name, "silent_s": steps}
