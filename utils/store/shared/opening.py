"""Opening the store of a home, with the shared cache that the environment or the command line names."""

import atexit
import os
import threading
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from utils.errors import StoreError
from utils.home import SHARED, cache_folder
from utils.store.shared.location import check_location
from utils.store.shared.uses import RUNS, Uses
from utils.store.store import Store

if TYPE_CHECKING:
    from utils.store.shared.background import Background
    from utils.store.shared.sharing import Sharing
    from utils.store.shared.tier import SharedTier

_opened: "dict[str, tuple[SharedTier, Background]]" = {}
_opening = threading.Lock()


def open_store(home: Path | None = None, owner: str = RUNS, *, all: bool = False) -> Store:
    """The store of a home for a run. `owner` is the job whose results it uses; with `all` it shares every result.

    A child process that reads untrusted files opens its store without this, as it has no business on the network.
    """
    folder = cache_folder(home).absolute()
    location = os.environ.get(SHARED, "")
    return Store(folder, sharing=_sharing(location, folder, owner, all) if location else None)


def use_shared(location: str | None) -> None:
    """Let this be the shared cache from now on, for this process and those that it starts.

    None keeps the one that the environment names; StoreError, at the start and not in a run, when either is no place.
    """
    if location := location or os.environ.get(SHARED):
        os.environ[SHARED] = check_location(location)
        _check_installed()


def check_shared(*, writes: bool = False) -> None:
    """Look at the shared cache that the environment names, if any; StoreError when it cannot be used.

    For what starts and stays. With `writes` this machine must be able to write there.
    """
    if is_shared():
        from utils.store.shared.claim import claim

        claim(open_tier().objects, writes=writes)


def open_tier() -> "SharedTier":
    """The shared tier that the environment names; StoreError when it names none."""
    if not (location := os.environ.get(SHARED, "")):
        raise StoreError("No shared cache is named.", "Set RESHOOT_SHARED to s3://BUCKET/PREFIX or to a folder.")
    return _process_tier(check_location(location))[0]


def release(home: Path, job: str) -> None:
    """A job was removed: the shared results that it used are no longer kept for it."""
    Uses(cache_folder(home)).release(job)


def is_shared() -> bool:
    """Whether the environment names a shared cache."""
    return bool(os.environ.get(SHARED))


def _sharing(location: str, folder: Path, owner: str, all: bool) -> "Sharing":
    from utils.store.shared.sharing import Sharing
    from utils.store.shared.worth import EVERYTHING, Worth

    return Sharing(*_process_tier(check_location(location)), folder, owner, EVERYTHING if all else Worth())


def flush_offers(limit_s: float) -> None:
    """At the end of a process of several runs: give what is being offered some time; the rest is offered when used."""
    for _, background in _opened.values():
        background.flush(limit_s)


def _process_tier(location: str) -> "tuple[SharedTier, Background]":
    """One of each for the whole process, so that what one run learned of an outage the next one knows."""
    with _opening:
        if location not in _opened:
            _opened[location] = _new_tier(location)
        return _opened[location]


def _new_tier(location: str) -> "tuple[SharedTier, Background]":
    from utils.store.shared.background import Background
    from utils.store.shared.objects import Objects
    from utils.store.shared.tier import SharedTier

    _check_installed()
    tier, background = SharedTier(Objects(location)), Background()
    atexit.register(tier.objects.close)
    atexit.register(background.close)
    return tier, background


def _check_installed() -> None:
    if find_spec("obstore") is None:
        raise StoreError("obstore is not installed.", "Run `pip install -r requirements-core.txt -c constraints.txt`.")
