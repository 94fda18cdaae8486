"""The limit holds; the newest, the pinned and those in use stay; what was used longest ago goes."""

import os
import time
from pathlib import Path

import pytest

from tests.store_child import finish, hear, is_right, key, kill, start, tell, write
from utils.errors import StoreError, StoreFull
from utils.store import Store

ENTRY_BYTES = 8_000
"""A little more than an entry of the children takes, manifest included."""


def fill(store: Store, *numbers: int) -> None:
    for number in numbers:
        store.get_or_make(key(number), lambda into: write(into, number)).close()  # noqa: B023


def kept(store: Store) -> list[int]:
    """The numbers of the entries, the one used longest ago first."""
    return [entry.manifest.key.settings["number"] for entry in store.entries() if entry.manifest]


def test_the_limit_holds_and_the_newest_stays(tmp_path: Path) -> None:
    store = Store(tmp_path, limit_bytes=3 * ENTRY_BYTES)
    for number in range(9):
        fill(store, number)
        assert store.stats().bytes <= store.limit_bytes
        assert kept(store) == list(range(max(0, number - 2), number + 1))
    assert store.stats().stages["counted"].figures.evicted == 6


def test_a_use_counts(tmp_path: Path) -> None:
    store = Store(tmp_path, limit_bytes=3 * ENTRY_BYTES)
    fill(store, 0, 1, 2, 0, 3)
    assert kept(store) == [2, 0, 3]


def test_even_one_entry_larger_than_half_the_limit_stays(tmp_path: Path) -> None:
    store = Store(tmp_path, limit_bytes=ENTRY_BYTES)
    for number in range(3):
        fill(store, number)
        assert kept(store) == [number]


def test_an_entry_larger_than_the_limit_is_refused_and_nothing_lost(tmp_path: Path) -> None:
    store = Store(tmp_path, limit_bytes=2 * ENTRY_BYTES)
    fill(store, 0, 1)
    with pytest.raises(StoreFull, match=r"may hold 16\.0 kB.* needs 30\.\d kB"):
        store.get_or_make(key(2), lambda into: write(into, 2, 10_000))
    assert kept(store) == [0, 1] and not any((tmp_path / "work").iterdir())


def test_pins_stay_until_unpinned(tmp_path: Path) -> None:
    store = Store(tmp_path, limit_bytes=2 * ENTRY_BYTES)
    fill(store, 0)
    store.pin(key(0).digest)
    fill(store, 1, 2, 3)
    assert kept(store) == [0, 3]
    store.prune(0)
    store.clear()
    assert kept(store) == [0] and store.stats().pinned == 1
    store.unpin(key(0).digest)
    fill(store, 4, 5)
    assert kept(store) == [4, 5] and not any((tmp_path / "pins").iterdir())


def test_pins_that_leave_no_room_are_named(tmp_path: Path) -> None:
    store = Store(tmp_path, limit_bytes=2 * ENTRY_BYTES)
    fill(store, 0, 1)
    for number in (0, 1):
        store.pin(key(number).digest)
    with pytest.raises(StoreFull, match="are pinned"):
        fill(store, 2)
    assert kept(store) == [0, 1]
    assert len(store.clear(even_pinned=True).removed) == 2 and not any((tmp_path / "pins").iterdir())


@pytest.mark.parametrize("digest", ["0" * 64, "../entries", "", "/etc/passwd"])
def test_only_an_entry_can_be_pinned(tmp_path: Path, digest: str) -> None:
    with pytest.raises(StoreError, match="no entry"):
        Store(tmp_path).pin(digest)


def test_readers_in_progress_are_not_disturbed(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    reader = start("hold", tmp_path, 0)
    assert hear(reader) == "holding"
    store = Store(tmp_path, limit_bytes=ENTRY_BYTES)
    fill(store, 1, 2)
    assert kept(store) == [0, 2] and "over its limit while entries are in use" in caplog.text
    assert store.clear().missed_bytes > 0 and kept(store) == [0]
    tell(reader)
    assert finish(reader) == "right"
    assert store.clear().missed_bytes == 0 and kept(store) == []


def test_a_killed_reader_holds_nothing(tmp_path: Path) -> None:
    reader = start("hold", tmp_path, 0)
    assert hear(reader) == "holding"
    kill(reader)
    assert len(Store(tmp_path).clear().removed) == 1


def test_what_this_process_holds_stays_until_it_is_let_go(tmp_path: Path) -> None:
    store = Store(tmp_path)
    entry = store.get_or_make(key(0), lambda into: write(into, 0))
    assert store.clear().removed == () and is_right(entry, 0)
    entry.close()
    entry.close()
    assert len(store.clear().removed) == 1


def test_a_forgotten_entry_is_let_go(tmp_path: Path) -> None:
    store = Store(tmp_path)
    entry = store.get_or_make(key(0), lambda into: write(into, 0))
    assert store.clear().removed == ()
    del entry
    assert len(store.clear().removed) == 1


def test_the_cache_gives_way_when_the_disk_is_short(tmp_path: Path) -> None:
    fill(Store(tmp_path), 0, 1)
    short = Store(tmp_path, spare_bytes=10**18)
    fill(short, 2)
    assert kept(short) == [2]


def test_a_clock_set_back_does_not_keep_the_old_for_ever(tmp_path: Path) -> None:
    """Uses stamped in the future came before the clock was set back, so they are the oldest, in their order."""
    store = Store(tmp_path)
    fill(store, 0, 1, 2)
    for number, ahead_s in ((1, 9_000), (2, 5_000)):
        os.utime(store.folder / "entries" / key(number).digest, (time.time() + ahead_s,) * 2)
    assert kept(store) == [2, 1, 0]


def test_prune_to_a_size(tmp_path: Path) -> None:
    store = Store(tmp_path)
    fill(store, *range(5))
    freed = store.prune(2 * ENTRY_BYTES)
    assert kept(store) == [3, 4] and len(freed.removed) == 3
    assert freed.bytes == sum(entry.held.bytes for entry in freed.removed)
    assert store.prune(2 * ENTRY_BYTES).removed == ()
