"""Fetches of models for the page: each is a child process that reports its progress as JSON lines.

python -m ui.model_tasks HOME ask NAME             what a fetch would bring
python -m ui.model_tasks HOME fetch NAME COMMIT    fetch exactly that

A child of the app, and not a job of the worker, because it then goes on beside a clip that is being worked on, and also
where no worker runs. A page may be closed meanwhile; an app that ends takes it along, and the next fetch goes on from
the bytes that have arrived.
"""

import asyncio
import json
import shutil
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from utils.errors import ModelError, ReshootError
from utils.guarded_child import apart, go_with_parent
from utils.home import home as usual_home
from utils.progress import Cancel, Progress

ASK_S = 60.0
PULSE_S = 0.25
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
    from pipeline.models.download import check_room, here_bytes
    from pipeline.models.hub import ask
    from pipeline.models.overview import offered
    from pipeline.models.places import Places
    from pipeline.models.registry import Registry

    places = Places.usual(home)
    model = Registry.load(home).model(name)
    offer, landing = ask(model, places), places.fetched(model.checkpoint)
    check_room(offer, landing)
    folder = next(path for path in (landing.folder, *landing.folder.parents) if path.is_dir())
    room = {"to_come": offer.bytes - here_bytes(offer, landing), "free": shutil.disk_usage(folder).free}
    return {"name": name, "commit": offer.commit, "bytes": offer.bytes, **room, "facts": offered(offer, places)}


def fetched(home: Path, name: str, commit: str, report: Callable[[dict[str, Any]], None]) -> str:
    """Fetch a commit; returns a sentence about it."""
    from pipeline.models.download import Download
    from pipeline.models.hub import ask
    from pipeline.models.places import Places
    from pipeline.models.registry import Registry

    places, model = Places.usual(home), Registry.load(home).model(name)
    pace = Pace(report, name)
    found = Download(ask(model, places, commit=commit), places, pace.listen, Cancel()).run()
    return f"{name} is here, in {found.path}."


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
