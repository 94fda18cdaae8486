"""Kill -9 at any moment: nothing that reads wrong, nothing left lying about."""

import random
import signal
from pathlib import Path

import pytest

from tests.store_child import finish, hear, is_right, key, kill, start, tell, write
from utils.store import Store

pytestmark = pytest.mark.slow

LINES_APART = 3


def leftovers(folder: Path) -> list[Path]:
    return [*folder.glob("work/*"), *folder.glob("locks/*")]


def test_killed_all_along_a_write(tmp_path: Path) -> None:
    """Writers each killed a few lines of code later than the one before, until one lives to the end."""
    writers, killed, littered, finished = start("die", tmp_path, LINES_APART), 0, 0, 0
    while (end := hear(writers)) != "lived":
        assert end == f"signal {signal.SIGKILL}"
        folder = tmp_path / str(killed)
        littered += bool(leftovers(folder))
        finished += check_after_kill(folder, killed)
        killed += 1
        tell(writers)
    tell(writers)
    finish(writers)
    assert killed >= 50 and littered > 25 and finished > 2, "the kills did not fall into the writing"


def check_after_kill(folder: Path, number: int) -> bool:
    """The next start sweeps, what reads is right, what is missing is made; whether the writer had finished."""
    store = Store(folder)
    assert leftovers(folder) == []
    assert all(not verdict.problem for verdict in store.verify())
    with store.get_or_make(key(number), lambda into: write(into, number)) as entry:
        assert is_right(entry, number) and not entry.mended
        return entry.hit


@pytest.mark.parametrize("seed", range(8))
def test_kills_from_outside_at_random(tmp_path: Path, seed: int) -> None:
    """A writer of large entries is killed by another process, somewhere between two of its lines."""
    writer = start("endless", tmp_path, 0)
    for _ in range(random.Random(seed).randrange(1, 12)):
        hear(writer)
    kill(writer)
    store = Store(tmp_path)
    assert leftovers(tmp_path) == []
    assert [verdict for verdict in store.verify() if verdict.problem] == []
    for listed in store.entries():
        assert listed.manifest
        number = listed.manifest.key.settings["number"]
        with store.get_or_make(key(number), lambda into: write(into, -1)) as entry:
            assert entry.hit and is_right(entry, number, 400_000)
