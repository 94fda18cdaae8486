"""Whatever happens to an entry on the disk: it is found, said, set aside and computed again, and never read."""

import json
import logging
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.store_child import is_right, key, write
from utils.key import Key
from utils.progress import Cancel
from utils.store import Entry, Store
from utils.store.lease import only_one
from utils.store.manifest import Manifest


def make(into: Path) -> None:
    write(into, 5)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "cache")


@pytest.fixture
def folder(store: Store) -> Path:
    """The folder of one sound entry."""
    with store.get_or_make(key(5), make) as entry:
        return entry.folder


def replace_bytes(path: Path, data: bytes) -> None:
    path.chmod(0o644)
    path.write_bytes(data)


def flip_a_bit(folder: Path) -> None:
    data = bytearray((folder / "part 1").read_bytes())
    data[1234] ^= 1
    replace_bytes(folder / "part 1", bytes(data))


def flip_a_bit_and_set_the_old_time(folder: Path) -> None:
    facts = (folder / "part 1").stat()
    flip_a_bit(folder)
    os.utime(folder / "part 1", ns=(facts.st_atime_ns, facts.st_mtime_ns))


def truncate(folder: Path) -> None:
    replace_bytes(folder / "part 1", (folder / "part 1").read_bytes()[:-1])


def empty(folder: Path) -> None:
    replace_bytes(folder / "part 1", b"")


def lose_a_blob(folder: Path) -> None:
    (folder / "part 1").unlink()


def add_a_file(folder: Path) -> None:
    (folder / "part 9").touch()


def add_a_folder(folder: Path) -> None:
    (folder / "more").mkdir()


def swap_for_a_link(folder: Path) -> None:
    (folder / "part 1").rename(folder.parents[2] / "elsewhere")
    (folder / "part 1").symlink_to(folder.parents[2] / "elsewhere")


def swap_for_a_pipe(folder: Path) -> None:
    (folder / "part 1").unlink()
    os.mkfifo(folder / "part 1")


def edit_the_manifest(folder: Path) -> None:
    text = (folder / "manifest.json").read_text()
    replace_bytes(folder / "manifest.json", text.replace('"version": 1', '"version": 2').encode())


def edit_what_the_manifest_tells(folder: Path) -> None:
    document = json.loads((folder / "manifest.json").read_bytes())
    replace_bytes(folder / "manifest.json", json.dumps(document | {"seconds": 1e9}).encode())


def vouch_for_another_key(folder: Path) -> None:
    told = Manifest.from_bytes((folder / "manifest.json").read_bytes())
    other = Manifest(key(6), told.blobs, told.seconds, told.created, told.machine)
    replace_bytes(folder / "manifest.json", other.to_bytes())


def lose_the_manifest(folder: Path) -> None:
    (folder / "manifest.json").unlink()


def garble_the_manifest(folder: Path) -> None:
    replace_bytes(folder / "manifest.json", b"\xff\x00{{{")


def nest_the_manifest(folder: Path) -> None:
    replace_bytes(folder / "manifest.json", b"[" * 100_000)


def list_the_manifest(folder: Path) -> None:
    replace_bytes(folder / "manifest.json", b"[1, 2]")


def write_another_schema(folder: Path) -> None:
    document = json.loads((folder / "manifest.json").read_bytes())
    replace_bytes(folder / "manifest.json", json.dumps(document | {"schema": 2}).encode())


def empty_the_folder(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.mkdir()


def swap_for_a_file(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.write_bytes(b"an entry, surely")


def swap_the_folder_for_a_link(folder: Path) -> None:
    folder.rename(folder.parents[2] / "elsewhere")
    folder.symlink_to(folder.parents[2] / "elsewhere")


HARM: list[Callable[[Path], None]] = [
    flip_a_bit,
    flip_a_bit_and_set_the_old_time,
    truncate,
    empty,
    lose_a_blob,
    add_a_file,
    add_a_folder,
    swap_for_a_link,
    swap_for_a_pipe,
    edit_the_manifest,
    edit_what_the_manifest_tells,
    vouch_for_another_key,
    lose_the_manifest,
    garble_the_manifest,
    nest_the_manifest,
    list_the_manifest,
    write_another_schema,
    empty_the_folder,
    swap_for_a_file,
    swap_the_folder_for_a_link,
]
harms = pytest.mark.parametrize("harm", HARM, ids=lambda harm: harm.__name__)


def check_said(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert "quarantined" in caplog.text
    assert store.stats().quarantined == 1
    assert sum(stage.figures.quarantined for stage in store.stats().stages.values()) == 1


@harms
def test_asking_finds_it_and_computes_again(
    store: Store, folder: Path, harm: Callable[[Path], None], caplog: pytest.LogCaptureFixture
) -> None:
    harm(folder)
    with store.get_or_make(key(5), make) as entry:
        assert not entry.hit and entry.mended and is_right(entry, 5)
    check_said(store, caplog)
    with store.get_or_make(key(5), make) as entry:
        assert entry.hit and not entry.mended and is_right(entry, 5)


@harms
def test_looking_finds_it_and_gives_nothing(
    store: Store, folder: Path, harm: Callable[[Path], None], caplog: pytest.LogCaptureFixture
) -> None:
    harm(folder)
    assert store.get(key(5)) is None
    check_said(store, caplog)
    assert store.get(key(5)) is None


@pytest.mark.parametrize("harm", [harm for harm in HARM if harm is not write_another_schema], ids=lambda h: h.__name__)
def test_verifying_finds_it(
    store: Store, folder: Path, harm: Callable[[Path], None], caplog: pytest.LogCaptureFixture
) -> None:
    store.get_or_make(key(1), lambda into: write(into, 1)).close()
    harm(folder)
    assert sorted(bool(verdict.problem) for verdict in store.verify()) == [False, True]
    check_said(store, caplog)
    assert [bool(verdict.problem) for verdict in store.verify()] == [False]
    assert store.clear().missed_bytes == 0
    assert not any(store.folder.glob("*/*"))


def test_a_bit_that_rots_without_a_trace_is_found_by_verify_and_by_the_next_process(
    store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that rots changes no times: what this process has checked it trusts, until it is asked to look again."""
    from utils import digest

    blob, right = folder / "part 1", (folder / "part 1").read_bytes()
    flip_a_bit(folder)
    with blob.open("rb") as file:
        monkeypatch.setitem(digest._memo, digest._stamp(file.fileno()), digest.digest_bytes(right))
    assert isinstance(store.get(key(5)), Entry)
    assert [verdict.problem for verdict in store.verify()] == ["'part 1' has changed"]


def test_another_schema_under_its_own_key_is_left_alone(store: Store, folder: Path) -> None:
    """Entries of a newer Reshoot take room and go when they are old, and nobody calls them broken."""
    document = json.loads((folder / "manifest.json").read_bytes())
    other = folder.parent / ("f" * 64)
    shutil.copytree(folder, other)
    replace_bytes(other / "manifest.json", json.dumps(document | {"schema": 2}).encode())
    assert [verdict.problem for verdict in store.verify()] == ["", ""]
    assert {listed.stage for listed in store.entries()} == {"counted", "unreadable"}
    assert len(store.clear().removed) == 2


def test_a_copied_entry_does_not_answer_for_another_key(store: Store, folder: Path) -> None:
    shutil.copytree(folder, folder.parent / key(6).digest)
    with store.get_or_make(key(6), lambda into: write(into, 6)) as entry:
        assert entry.mended == "its key is not the one it lies under" and is_right(entry, 6)


def test_strangers_among_the_entries_are_quarantined(store: Store) -> None:
    (store.folder / "entries" / "notes.txt").write_text("mine")
    (store.folder / "entries" / "folder ü").mkdir()
    assert sorted(verdict.digest for verdict in store.verify()) == ["folder ü", "notes.txt"]
    assert store.entries() == []


def test_a_digest_that_differs_between_processes_is_no_accident(store: Store, folder: Path) -> None:
    """Two stores in one folder agree on what they see."""
    flip_a_bit(folder)
    other = Store(store.folder)
    assert other.get(key(5)) is None and store.get(key(5)) is None
    assert store.stats().quarantined == 1


def test_the_quarantine_goes_first_when_room_is_needed(store: Store, folder: Path) -> None:
    flip_a_bit(folder)
    store.get_or_make(key(5), make).close()
    freed = store.prune(store.stats().bytes)
    assert len(freed.removed) == 1 and store.stats().quarantined == 0
    assert store.get(Key("counted", 1, {"number": 5}))


def test_a_garbled_tally_starts_anew(store: Store, folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    for garbage in (b"", b"[1]", b'{"camera": {"hits": "many"}}', b'{"camera": {"unheard_of": 1}}'):
        (store.folder / "tally.json").write_bytes(garbage)
        caplog.clear()
        store.get_or_make(key(5), make).close()
        assert "start anew" in caplog.text
        assert store.stats().stages["counted"].figures.hits == 1


def test_what_appears_under_a_key_while_it_is_computed_does_not_stay(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    def make_and_meddle(into: Path) -> None:
        write(into, 5)
        shutil.copytree(into, store.folder / "entries" / key(5).digest)

    with store.get_or_make(key(5), make_and_meddle) as entry:
        assert is_right(entry, 5) and "appeared while it was being computed" in caplog.text
    assert store.stats().quarantined == 1


def test_an_entry_being_made_anew_is_not_judged(store: Store, folder: Path) -> None:
    """Verify meets damage while another computes that key: it leaves it to them."""
    flip_a_bit(folder)
    with only_one(store.folder / "locks" / key(5).digest, Cancel()):
        assert list(store.verify()) == [] and store.get(key(5)) is None
    assert len(list(store.verify())) == 1
