"""What a job is: what was asked, and how far it came."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from utils.errors import ReshootError


class JobError(ReshootError):
    """A job is not there, or is not in a state in which that can be done to it."""


class State(StrEnum):
    """Where a job stands."""

    QUEUED = "queued"
    RUNNING = "running"
    PAUSED = "paused"
    WAITING = "waiting"
    """For room on the disk; it goes on by itself."""
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def ended(self) -> bool:
        """Nothing more will happen by itself."""
        return self in (State.DONE, State.FAILED, State.CANCELLED)


class Wish(StrEnum):
    """What a running job is asked to do at its next step."""

    NONE = ""
    CANCEL = "cancel"
    PAUSE = "pause"


@dataclass(frozen=True)
class Order:
    """What was asked for: a clip, and all settings that differ from the defaults, under their dotted names."""

    clip: str
    title: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    preset: str = "balanced"
    owner: str = ""
    """The secret of the browser that asked; empty for the command line."""
    batch: str = ""


@dataclass(frozen=True)
class Job:
    """A row of the ledger as it was when it was read. Times are seconds of the epoch."""

    id: str
    order: Order
    state: State
    wish: Wish
    position: float
    worker: str
    attempts: int
    stage: str
    note: str
    share: float
    """Done of the whole, 0..1."""
    left_s: float | None
    place: int
    """How many stages and windows this job has behind it."""
    crashes: int
    """How often in a row a worker died at this place."""
    needs_bytes: int
    problem: str
    remedy: str
    created_at: float
    started_at: float | None
    finished_at: float | None
    result: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Entry:
    """A line of a job's diary."""

    at: float
    level: str
    sentence: str


@dataclass(frozen=True)
class WorkerSign:
    """A sign of life."""

    name: str
    pid: int
    beat_at: float
    job: str
