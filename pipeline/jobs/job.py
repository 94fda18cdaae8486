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


class RequestedAction(StrEnum):
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


AHEAD_FRAMES = 12
"""So many frames may be decoded before a stage tells of the first of them."""


@dataclass(frozen=True)
class Spot:
    """Where a run was when it last told: finished stages and windows, and frames of the one it was in."""

    place: int = 0
    frame: int = 0
    slack: int = 0
    """The most frames between two tellings: so many may have been done after the last one."""

    def near(self, other: "Spot") -> bool:
        """Whether runs that were last heard of at these two spots may have been at the same frame.

        A run tells twice a second, so the frame at which it died lies at most `slack` behind the one it told of.
        """
        apart = abs(self.frame - other.frame)
        return self.place == other.place and apart <= max(self.slack, other.slack) + AHEAD_FRAMES


@dataclass(frozen=True)
class Job:
    """A row of the ledger as it was when it was read. Times are seconds of the epoch."""

    id: str
    order: Order
    state: State
    wish: RequestedAction
    position: float
    worker: str
    attempts: int
    stage: str
    note: str
    share: float
    """Done of the whole, 0..1."""
    left_s: float | None
    place: int
    """How many stages and windows this run of it has behind it."""
    crashes: int
    """How often in a row a worker died at the same spot."""
    needs_bytes: int
    problem: str
    remedy: str
    created_at: float
    started_at: float | None
    finished_at: float | None
    result: Mapping[str, Any] = field(default_factory=dict)
    frame: int = 0
    """How many frames of the next stage or window this run of it has done."""
    slack: int = 0
    died_at: Spot | None = None
    """Where the last worker that had it died."""

    @property
    def spot(self) -> Spot:
        """Where this run of it was when it last told."""
        return Spot(self.place, self.frame, self.slack)


@dataclass(frozen=True)
class JobEvent:
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
    """By the clock of who reads it."""
    job: str
