"""Answers requests for frames in a thread of the worker, one at a time, beside the job that runs."""

import logging
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, replace
from math import inf
from pathlib import Path
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from pipeline.engines.sessions import Sessions
from pipeline.jobs.frame_requests import FrameRequest, FrameRequests, Standing
from pipeline.jobs.ledger import Ledger
from pipeline.jobs.workers.frame_answers import Desk
from pipeline.jobs.workers.progress_estimate import ProgressEstimate
from pipeline.stage import RunContext
from utils.errors import Cancelled, ReshootError
from utils.log_throttle import LogThrottle
from utils.process_resources import release_free_memory
from utils.progress import Cancel, repeating
from utils.store.shared.opening import open_store

log = logging.getLogger(__name__)
throttle = LogThrottle()

PULSE_S, REST_S = 0.25, 2.0
SOON_S, EDITING_S, TIDY_S = 0.015, 30.0, 1.5
"""How often requests are looked for after one, and for how long, because whoever edits will ask again; and how long
after the last one memory is given back."""


@dataclass(frozen=True)
class Host:
    """The worker in which requests are answered."""

    home: Path
    ledger: Ledger
    name: str
    sessions: Sessions
    first: Callable[[], AbstractContextManager[None]]
    """Holds off less urgent work."""


class FrameRequestWorker:
    """A thread that claims and answers the requests of one desk until it is stopped."""

    def __init__(self, host: Host, desk: Desk) -> None:
        self._host, self._desk, self._requests = host, desk, FrameRequests(host.ledger, desk.what)
        self._stopping = threading.Event()
        self._cancel = Cancel()
        self._thread = threading.Thread(target=self._run, name=f"{desk.what}s", daemon=True)

    def recover(self) -> None:
        """Answer, with an error, the requests that this worker had claimed when it last died."""
        self._requests.recover(self._host.name, self._desk.died)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Claim no more requests, and leave the current one to the next worker."""
        self._stopping.set()
        self._cancel.ask()
        with suppress(SQLAlchemyError):
            self._requests.let_go(self._host.name)

    def _run(self) -> None:
        self._desk.prepare()
        until, seen, tidy_at = 0.0, None, inf
        while not self._stopping.wait(SOON_S if time.monotonic() < until else self._requests.poll_s):
            if time.monotonic() > tidy_at:  # not after each answer, for whoever edits asks again at once
                release_free_memory()
                tidy_at = inf
            written_ns = self._requests.written_ns()
            if written_ns is not None and written_ns == seen:
                continue
            try:
                while not self._stopping.is_set() and (claimed := self._requests.claim(self._host.name)):
                    self._answer(*claimed)
                    until, tidy_at = time.monotonic() + EDITING_S, time.monotonic() + TIDY_S
                seen = written_ns
            except SQLAlchemyError as error:
                if throttle.allows(self._desk.what):
                    problem = str(error).partition("\n")[0]
                    log.warning("Requests for a %s wait for the database: %s", self._desk.what, problem)
                self._stopping.wait(REST_S)

    def _answer(self, id: str, request: FrameRequest) -> None:
        self._cancel = cancel = Cancel()
        if self._stopping.is_set():
            cancel.ask()
        progress = ProgressEstimate(self._desk.stages) if self._desk.stages else None

        def watch() -> bool:
            """Tell how far it is; cancel the work as soon as the request is deleted."""
            told = None
            if progress:
                told = Standing(share=progress.share, stage=progress.stage, left_s=progress.left_s)
            with suppress(SQLAlchemyError):  # told again when the database is back
                if not self._requests.report(id, told):
                    cancel.ask()
            return not cancel.asked

        context = RunContext(open_store(self._host.home), cancel=cancel, sessions=self._host.sessions)
        if progress:
            context = replace(context, listener=progress.add)
        try:
            with self._host.first(), repeating(f"{self._desk.what} watch", PULSE_S, watch):
                answer = self._made(id, request, context)
        except Cancelled:
            return  # nobody waits for it, or the next worker makes it
        if answer is None:
            self._requests.take_back(id)
        else:
            self._requests.store_answer(id, answer)

    def _made(self, id: str, request: FrameRequest, context: RunContext) -> dict[str, Any] | None:
        """What is answered: what was made, or why it was not."""
        try:
            return self._desk.make(self._host.home.absolute(), id, request, context)
        except Cancelled:
            raise
        except ReshootError as error:
            return {"problem": error.problem, "remedy": error.remedy}
        except Exception as error:
            log.warning("The %s %s failed.", self._desk.what, id, exc_info=True)
            problem = f"Something in Reshoot went wrong ({type(error).__name__})."
            return {"problem": problem, "remedy": "Try again; the worker's log has the details."}
