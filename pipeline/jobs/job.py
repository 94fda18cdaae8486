"""The job: its state and progress, and the records around it (events, signs of life of workers)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from pipeline.jobs.order import Order
from utils.errors import ReshootError


class JobError(ReshootError):
    """A job does not exist, or its state does not allow the requested change."""


class State(StrEnum):
    """The state of a job."""

    QUEUED = "queued"
    RUNNING = "running"
    PAUSED = "paused"
    WAITING = "waiting"
    """Waiting for free disk space; queued again automatically once there is enough."""
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def ended(self) -> bool:
        """Whether the state is final, unless somebody retries the job."""
        return self in (State.DONE, State.FAILED, State.CANCELLED)


class RequestedAction(StrEnum):
    """A request that a running job obeys at its next step."""

    NONE = ""
    CANCEL = "cancel"
    PAUSE = "pause"


AHEAD_FRAMES = 12
"""Most frames that are decoded ahead of the frame whose progress a stage reports."""


@dataclass(frozen=True)
class Spot:
    """Last reported position of a run: finished stages and windows, and frames done of the current one."""

    steps_done: int = 0
    frame: int = 0
    slack: int = 0
    """Most frames between two reports, and so the most that may have been done after the last one."""

    @classmethod
    def from_json(cls, values: Mapping[str, int]) -> "Spot":
        """Read a spot from the database, where `steps_done` is called `place` as in earlier versions."""
        return cls(values["place"], values["frame"], values["slack"])

    def to_json(self) -> dict[str, int]:
        """Plain values for the database."""
        return {"place": self.steps_done, "frame": self.frame, "slack": self.slack}

    def near(self, other: "Spot") -> bool:
        """Whether two runs with these last reports may have died at the same frame.

        A run reports twice a second, so it died at most `slack` frames after the one that it last reported.
        """
        apart = abs(self.frame - other.frame)
        return self.steps_done == other.steps_done and apart <= max(self.slack, other.slack) + AHEAD_FRAMES


@dataclass(frozen=True)
class Job:
    """A row of the ledger at the time it was read. Times are seconds since the epoch."""

    id: str
    order: Order
    state: State
    requested_action: RequestedAction
    position: float
    worker: str
    attempts: int
    stage: str
    note: str
    share: float
    """Overall progress, 0..1."""
    left_s: float | None
    steps_done: int
    """How many stages and windows the current run has finished."""
    crashes: int
    """How many times in a row a worker died at the same spot."""
    needs_bytes: int
    problem: str
    remedy: str
    created_at: float
    started_at: float | None
    finished_at: float | None
    result: Mapping[str, Any] = field(default_factory=dict)
    frame: int = 0
    """How many frames of the current stage or window are done."""
    slack: int = 0
    died_at: Spot | None = None
    """Where the last worker that ran it died."""
    worked_s: float = 0.0
    """How long workers have worked on it, up to the last report; waiting and pauses do not count."""
    card: Mapping[str, float] | None = None
    """The graphics card at the last report, while an engine works: share busy, memory used and in all."""
    run: int = 0
    """How many times it was enqueued; each time is a workflow of DBOS."""
    is_called: bool = False
    """Whether it is the queued job that workers are offered."""
    home: str = ""
    """The mark of the home that has its files, where several homes share a database."""
    waited_s: float = 0.0
    """How much of `worked_s` it waited for windows, which workers make meanwhile."""
    price: float | None = None
    """What an hour of the card of its worker costs; None where that is not known."""

    @property
    def spot(self) -> Spot:
        """The last reported position of the current run."""
        return Spot(self.steps_done, self.frame, self.slack)

    @property
    def took_s(self) -> float | None:
        """How long the work took; None before there was any. Jobs of earlier versions know it of their result alone."""
        seconds = self.worked_s or self.result.get("seconds")
        return float(seconds) if isinstance(seconds, int | float) and seconds else None


@dataclass(frozen=True)
class JobEvent:
    """One line of a job's history."""

    at: float
    level: str
    sentence: str


@dataclass(frozen=True)
class WorkerSign:
    """The last heartbeat of a worker."""

    name: str
    pid: int
    beat_at: float
    """Converted to the clock of the process that reads it."""
    job: str
    device: str = ""
    """What its engines compute on."""
    is_leaving: bool = False
    """Whether it takes nothing new, and ends when it has finished what it has."""
    alive_s: float = 0.0
    used_s: float = 0.0
    """For how long it has run, and used its card of that."""
    price: float | None = None
    """What an hour of its card costs; None where that is not known."""

    @property
    def idle_s(self) -> float:
        """For how long its card had nothing to do."""
        return max(0.0, self.alive_s - self.used_s)
