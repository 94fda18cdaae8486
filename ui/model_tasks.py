"""Fetches of models for the page: each is a child process that reports its progress as JSON lines.

python -m ui.model_tasks HOME ask NAME             what a fetch would bring
python -m ui.model_tasks HOME fetch NAME COMMIT    fetch exactly that

A child of the app, and not a job of the worker, because it then goes on beside a clip that is being worked on, and also
where no worker runs. A page may be closed meanwhile; an app that ends takes it along, and the next fetch goes on from
the bytes that have arrived.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from utils.errors import ModelError, ReshootError
from utils.guarded_child import apart, go_with_parent
from utils.home import home as usual_home
from utils.progress import Cancel, Progress

if TYPE_CHECKING:
    from pipeline.models.places import Places
    from pipeline.models.registry import Model

ASK_S = 60.0
PULSE_S = 0.25
BETWEEN_COMMITS = "+"
"""Between the commits of a model and of its parts, which are consented to together."""
NO_ANSWER = "It ended without an answer. Try it once more; what has arrived is kept."


class ModelTaskError(ReshootError):
    """A fetch cannot be started now."""


@dataclass(frozen=True)
class Fetching:
    """A fetch and how far it is; `sentence` says how it ended, or why it failed."""

    name: str
    state: str = "running"
    done: int = 0
    total: int = 0
    note: str = ""
    left_s: float | None = None
    sentence: str = ""


class ModelTasks:
    """Fetches models, one at a time. `last` is the fetch that runs, or the latest one."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._task: asyncio.Task[None] | None = None
        self.last: Fetching | None = None

    async def ask(self, name: str) -> dict[str, Any]:
        """What a fetch would bring; ModelError says why it cannot be fetched."""
        answer: dict[str, Any] = {"problem": f"The hub did not answer about {name}.", "remedy": "Try again later."}
        with suppress(TimeoutError):
            async with asyncio.timeout(ASK_S):
                answers = [each async for each in self._answers("ask", name)]
                answer = answers[-1] if answers else answer
        if "problem" in answer:
            raise ModelError(answer["problem"], answer["remedy"])
        return answer

    def start(self, name: str, commit: str) -> Fetching:
        """Start to fetch what was shown; needs a running event loop."""
        if self.busy and self.last:
            raise ModelTaskError(f"{self.last.name} is being fetched.", "Wait until it is here, or stop it.")
        self.last = Fetching(name)
        self._task = asyncio.get_running_loop().create_task(self._follow(self.last, commit))
        return self.last

    def stop(self) -> None:
        """Stop the fetch that runs; what has arrived is kept."""
        if self._task and self.busy:
            self._task.cancel()

    @property
    def busy(self) -> bool:
        """Whether a fetch runs."""
        return self.last is not None and self.last.state == "running"

    async def _follow(self, fetch: Fetching, commit: str) -> None:
        end = replace(fetch, state="failed", sentence=NO_ANSWER)
        try:
            async for answer in self._answers("fetch", fetch.name, commit):
                if "problem" in answer:
                    end = replace(end, sentence=f"{answer['problem']} {answer['remedy']}")
                elif answer.get("state") == "running":
                    self.last = replace(fetch, **answer)
                else:
                    end = replace(fetch, **answer)
        except asyncio.CancelledError:
            end = replace(fetch, state="stopped", sentence="Stopped. What has arrived is kept for the next time.")
        except OSError as error:
            end = replace(end, sentence=f"It could not be started ({error.strerror}). Try it once more.")
        finally:
            self.last = end

    async def _answers(self, *task: str) -> AsyncIterator[dict[str, Any]]:
        """The lines that a child says; the child ends with whoever listens."""
        command = (sys.executable, "-m", "ui.model_tasks", str(self._home), *task)
        null, pipe = asyncio.subprocess.DEVNULL, asyncio.subprocess.PIPE
        child = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, stderr=null, **apart())
        try:
            assert child.stdout
            async for line in child.stdout:
                yield json.loads(line)
            await child.wait()
        finally:
            if child.returncode is None:
                child.kill()
                await child.wait()


def asked(home: Path, name: str) -> dict[str, Any]:
    """What consent is asked for: commit, size, licence, place and the room there."""
    from pipeline.models.download import check_room, free_bytes, here_bytes
    from pipeline.models.hub import ask
    from pipeline.models.overview import offered
    from pipeline.models.places import Places

    places = Places.usual(home)
    offers = [ask(each, places) for each in _model(home, name, places)[1]]
    check_room(offers, places)
    total = sum(offer.bytes for offer in offers)
    room = {"to_come": total - here_bytes(offers, places), "free": free_bytes(offers, places)[1]}
    commit = BETWEEN_COMMITS.join(offer.commit for offer in offers)
    return {"name": name, "commit": commit, "bytes": total, **room, "facts": offered(offers, places)}


def fetched(home: Path, name: str, commit: str, report: Callable[[dict[str, Any]], None]) -> str:
    """Fetch the commits that were shown; returns a sentence about it."""
    from pipeline.models.download import fetch_all
    from pipeline.models.hub import ask
    from pipeline.models.places import Places

    places, commits = Places.usual(home), commit.split(BETWEEN_COMMITS)
    model, models = _model(home, name, places)
    if len(models) != len(commits):
        raise ModelError(f"What is missing of {name} is not what was shown.", "Look at it once more.")
    offers = [ask(each, places, commit=one) for each, one in zip(models, commits, strict=True)]
    found = fetch_all(model, offers, places, Pace(report, name).listen, Cancel())
    return f"{name} is here, in {found.path}."


def _model(home: Path, name: str, places: Places) -> tuple[Model, Sequence[Model]]:
    """A model, and what a fetch brings of it: what is not here, or all of it if all is."""
    from pipeline.models.finding import Missing, find
    from pipeline.models.registry import Registry

    model = Registry.load(home).model(name)
    model.check_allowed()
    found = find(model, places)
    return model, found.absent if isinstance(found, Missing) else model.whole


class Pace:
    """Reports the progress of a fetch a few times a second, with the time left."""

    def __init__(self, report: Callable[[dict[str, Any]], None], name: str) -> None:
        self._report, self._name = report, name
        self._first: tuple[float, int] | None = None
        self._reported_at = 0.0

    def listen(self, progress: Progress) -> None:
        """Take a step of a fetch."""
        now = time.monotonic()
        if now - self._reported_at < PULSE_S:
            return
        self._reported_at = now
        self._first = self._first or (now, progress.done)
        seconds, arrived = now - self._first[0], progress.done - self._first[1]
        left_s = (progress.total or 0) - progress.done
        left = round(left_s * seconds / arrived, 1) if arrived > 0 else None
        self._report(asdict(Fetching(self._name, "running", progress.done, progress.total or 0, progress.note, left)))


def _say(values: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(values) + "\n")
    sys.stdout.flush()


def main() -> None:
    """Entry point of the child."""
    go_with_parent()
    home, kind, *rest = sys.argv[1:]
    folder = Path(home) if home else usual_home()
    try:
        if kind == "ask":
            _say(asked(folder, rest[0]))
        else:
            _say({"state": "done", "sentence": fetched(folder, rest[0], rest[1], _say)})
    except ReshootError as error:
        _say({"problem": error.problem, "remedy": error.remedy})


if __name__ == "__main__":
    main()
