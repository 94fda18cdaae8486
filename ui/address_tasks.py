"""Fetches of clips from addresses for the page: each in a thread that only listens to its guarded child.

A page may be closed meanwhile, and a fetch goes on. Nothing keeps the query of an address, which may be a secret: who
wants to go on with a fetch that ended gives the address again.
"""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from pipeline.library.from_address import Fetch
from ui.problems import NotHere
from ui.studio import Studio
from utils.address.address import Address
from utils.errors import AddressError, Cancelled, ReshootError
from utils.progress import Cancel, Progress

log = logging.getLogger(__name__)

MOST_OF_OWNER, MOST_OF_NETWORK, MOST = 2, 4, 8
"""How many fetches may run at once: of one owner (browser), from one network, and in all."""
MOST_REMEMBERED = 500


@dataclass(frozen=True)
class Fetching:
    """A fetch and how far it is."""

    id: str
    title: str
    state: str = "running"
    """running, done, failed or stopped."""
    have: int = 0
    bytes: int | None = None
    clip: str = ""
    problem: str = ""
    remedy: str = ""


@dataclass
class _Task:
    """A fetch with whose it is, and what stops it."""

    told: Fetching
    owner: str
    network: str
    cancel: Cancel = field(default_factory=Cancel)

    @property
    def runs(self) -> bool:
        return self.told.state == "running" and not self.cancel.asked


class AddressTasks:
    """The fetches of an app. None goes on when the app stops."""

    def __init__(self, studio: Studio) -> None:
        self._studio, self._lock, self._tasks = studio, threading.Lock(), dict[str, _Task]()
        studio.closing.append(self._stop_all)

    def start(self, text: str, owner: str, network: str) -> Fetching:
        """Start to fetch an address, or find the fetch of it that runs; AddressError says why it cannot be."""
        address = Address.read(text)
        with self._lock:
            fetch = Fetch.begin(self._studio.home, address, owner, network, self._studio.most_upload_bytes)
            if (known := self._tasks.get(fetch.upload)) and known.runs:
                return known.told
            self._refuse_too_many(owner, network)
            task = _Task(Fetching(fetch.upload, address.title), owner, network)
            self._remember(task)
        threading.Thread(target=self._follow, args=(fetch, task), name=f"fetch {fetch.upload}", daemon=True).start()
        return task.told

    def told(self, upload: str) -> Fetching:
        """How far a fetch is; NotHere if nobody started it since the app did."""
        return self._task(upload).told

    def stop(self, upload: str) -> None:
        """Stop a fetch; what has arrived is kept for the next one of its address."""
        self._task(upload).cancel.ask()

    def _task(self, upload: str) -> _Task:
        try:
            return self._tasks[upload]
        except KeyError as error:
            raise NotHere("This fetch is not known any more.", "Give the address again; it goes on.") from error

    def _refuse_too_many(self, owner: str, network: str) -> None:
        running = [task for task in list(self._tasks.values()) if task.runs]
        if sum(task.owner == owner for task in running) >= MOST_OF_OWNER:
            problem = f"{MOST_OF_OWNER} of your addresses are being fetched already."
        elif network and sum(task.network == network for task in running) >= MOST_OF_NETWORK:
            problem = f"{MOST_OF_NETWORK} addresses are being fetched for your network already."
        elif len(running) >= MOST:
            problem = f"{MOST} addresses are being fetched already, as many as this app does at once."
        else:
            return
        raise AddressError(problem, "Wait until one is here, or stop one; then try again.")

    def _remember(self, task: _Task) -> None:
        self._tasks.pop(task.told.id, None)
        self._tasks[task.told.id] = task
        ended = [upload for upload, each in self._tasks.items() if not each.runs]
        for upload in ended[: max(0, len(self._tasks) - MOST_REMEMBERED)]:
            del self._tasks[upload]

    def _follow(self, fetch: Fetch, task: _Task) -> None:
        """Listen to a fetch to its end, however it ends."""

        def listen(progress: Progress) -> None:
            task.told = replace(task.told, have=progress.done, bytes=progress.total)

        def run() -> str:
            try:
                return fetch.run(listen, task.cancel)
            except (ReshootError, OSError):
                task.cancel.check()  # who drops a fetch also removes what it writes to, which then fails
                raise

        task.told = _outcome(task.told, run)

    def _stop_all(self) -> None:
        for task in list(self._tasks.values()):
            task.cancel.ask()


def _outcome(told: Fetching, run: Callable[[], str]) -> Fetching:
    """How a fetch ended, with the clip that it has become or the reason why not."""
    try:
        return replace(told, state="done", clip=run())
    except Cancelled as error:
        return replace(told, state="stopped", problem=error.problem, remedy="What has arrived is kept.")
    except ReshootError as error:
        return replace(told, state="failed", problem=error.problem, remedy=error.remedy)
    except OSError as error:
        problem = f"{told.title!r} could not be kept: {error.strerror or error}."
        return replace(told, state="failed", problem=problem, remedy="Make room on the disk, then try again.")
    except Exception as error:
        log.warning("The fetch %s failed.", told.id, exc_info=True)
        problem = f"Something in Reshoot went wrong at this fetch ({type(error).__name__})."
        return replace(told, state="failed", problem=problem, remedy="Try again; the app's log has the details.")
