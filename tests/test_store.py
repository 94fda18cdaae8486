"""The cache as its users meet it: computed once, read back exactly, never writable, refusing what it cannot keep."""

import os
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.store_child import finish, key, start, write
from utils.errors import StoreError
from utils.home import cache_folder, home
from utils.key import Key
from utils.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


def test_computed_once_then_read(store: Store) -> None:
    def make(folder: Path) -> None:
        (folder / "line.txt").write_text("exactly")
        (folder / "nothing").touch()
        (folder / "größe ⛰.bin").write_bytes(bytes(range(256)))

    with store.get_or_make(key(1), make) as made, store.get_or_make(key(1), make) as read:
        assert (made.hit, read.hit) == (False, True)
        for entry in (made, read):
            assert entry.read_bytes("line.txt") == b"exactly"
            assert entry.read_bytes("nothing") == b""
            assert entry.path("größe ⛰.bin").read_bytes() == bytes(range(256))
        assert made.manifest == read.manifest and made.key == read.key == key(1)


def test_the_manifest_tells_where_it_comes_from(store: Store) -> None:
    asked = Key("camera", 3, {"stabilise.window_s": 1.5}, {"clip": "a" * 64}, {"opencv": "4.11.0"})
    with store.get_or_make(asked, lambda folder: (folder / "x").write_bytes(b"12345")) as entry:
        told = entry.manifest
        assert told.key == asked and told.parents == {"clip": "a" * 64}
        assert told.bytes == told.blobs["x"].bytes == 5 and len(told.blobs["x"].digest) == 64
        assert told.seconds >= 0 and told.created.endswith("+00:00") and told.machine


def test_equal_content_is_equal_input_whoever_computed_it(store: Store) -> None:
    one, same, other = (
        store.get_or_make(key(number), lambda folder: write(folder, content))  # noqa: B023
        for number, content in ((1, 7), (2, 7), (3, 8))
    )
    assert one.key != same.key and one.digest == same.digest != other.digest


@pytest.mark.parametrize(
    "array",
    [np.arange(6.0).reshape(2, 3), np.zeros((0, 3), np.float32), np.array(7), np.asfortranarray(np.eye(3))],
    ids=["plain", "empty", "scalar", "fortran"],
)
def test_arrays_come_back_exact_and_read_only(store: Store, array: "np.ndarray[Any, Any]") -> None:
    with store.get_or_make(key(1), lambda folder: np.save(folder / "a.npy", array)) as entry:
        back = entry.load_array("a.npy")
        assert back.dtype == array.dtype and back.shape == array.shape and np.array_equal(back, array)
        assert not back.flags.writeable
        with pytest.raises(ValueError, match="read-only"):
            back[...] = 1


def test_arrays_outlive_their_entry(store: Store) -> None:
    with store.get_or_make(key(1), lambda folder: np.save(folder / "a.npy", np.arange(1000))) as entry:
        back = entry.load_array("a.npy")
    store.clear()
    assert back.sum() == 499_500


def test_an_array_of_objects_is_not_unpickled(store: Store) -> None:
    array = np.array([{"a": 1}], dtype=object)
    with (
        store.get_or_make(key(1), lambda folder: np.save(folder / "a.npy", array, allow_pickle=True)) as entry,
        pytest.raises(ValueError, match="Python objects"),
    ):
        entry.load_array("a.npy")


def test_blobs_are_read_only(store: Store) -> None:
    with store.get_or_make(key(1), lambda folder: write(folder, 1)) as entry:
        for path in entry.folder.iterdir():
            assert stat.S_IMODE(path.stat().st_mode) == 0o444


@pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/passwd", "manifest.json", "", ".", "part 1/../part 1"])
def test_only_blobs_can_be_read(store: Store, name: str) -> None:
    with store.get_or_make(key(1), lambda folder: write(folder, 1)) as entry:
        for read in (entry.path, entry.read_bytes, entry.load_array):
            with pytest.raises(StoreError, match="It made: part 0, part 1, part 2"):
                read(name)


def test_a_closed_entry_gives_no_path(store: Store) -> None:
    with store.get_or_make(key(1), lambda folder: write(folder, 1)) as entry:
        pass
    with pytest.raises(StoreError, match="was closed"):
        entry.path("part 1")


def make_nothing(folder: Path) -> None:
    return


def make_a_folder(folder: Path) -> None:
    (folder / "sub").mkdir()


def make_a_symlink(folder: Path) -> None:
    (folder / "link").symlink_to("/etc/hostname")


def make_a_hard_link(folder: Path) -> None:
    (folder.parent.parent / "mine").write_text("still writable elsewhere")
    os.link(folder.parent.parent / "mine", folder / "theirs")


def make_a_manifest(folder: Path) -> None:
    (folder / "manifest.json").write_text("{}")


def make_an_unprintable_name(folder: Path) -> None:
    (folder / "a\nb").touch()


def make_a_name_that_is_no_text(folder: Path) -> None:
    Path(os.fsdecode(os.fsencode(folder) + b"/\xff")).touch()


def tell_the_temporary_path(folder: Path) -> None:
    (folder / "index.json").write_text(f'{{"frames": "{folder}/frames.bin"}}')


@pytest.mark.parametrize(
    "make",
    [
        make_nothing,
        make_a_folder,
        make_a_symlink,
        make_a_hard_link,
        make_a_manifest,
        make_an_unprintable_name,
        make_a_name_that_is_no_text,
        tell_the_temporary_path,
    ],
)
def test_what_cannot_be_kept_is_refused(store: Store, make: Callable[[Path], None]) -> None:
    with pytest.raises(StoreError, match="The stage 'counted' made"):
        store.get_or_make(key(1), make)
    assert store.entries() == [] and not any((store.folder / "work").iterdir())


def test_figures_of_the_same_results(store: Store) -> None:
    for _ in range(3):
        store.get_or_make(key(1), lambda folder: write(folder, 1)).close()
    assert Store(store.folder).get(key(2)) is None
    stats = Store(store.folder).stats()
    figures = stats.stages["counted"].figures
    assert (stats.entries, stats.stages["counted"].entries, figures.hits, figures.misses) == (1, 1, 2, 1)
    assert figures.made_bytes == 6000 and figures.read_bytes == 12_000 and figures.hit_rate == pytest.approx(2 / 3)
    assert figures.spared_s == pytest.approx(2 * figures.computed_s) and figures.read_s > 0


def test_no_descriptor_is_lost(store: Store) -> None:
    def descriptors() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    def use() -> None:
        for number in range(20):
            store.get_or_make(key(number), lambda folder: write(folder, number)).close()  # noqa: B023
            store.get(key(number))
        list(store.verify())
        store.clear()

    use()  # what is opened once for all stays open
    before = descriptors()
    use()
    assert descriptors() <= before  # one of an earlier test may have been closed meanwhile


def test_the_cache_folder_may_vanish_and_comes_back(store: Store) -> None:
    import shutil

    shutil.rmtree(store.folder)
    assert store.get(key(1)) is None
    assert not store.get_or_make(key(1), lambda folder: write(folder, 1)).hit


def test_a_relative_folder_stays_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    store = Store(Path("cache"))
    monkeypatch.chdir("/")
    store.get_or_make(key(1), lambda folder: write(folder, 1)).close()
    assert (tmp_path / "cache" / "entries").is_dir()


def test_a_cache_behind_a_link_works(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "cache").symlink_to("real")
    store = Store(tmp_path / "cache")
    store.get_or_make(key(1), lambda folder: write(folder, 1)).close()
    assert store.get(key(1)) and [verdict.problem for verdict in store.verify()] == [""]


def test_links_left_in_the_folders_are_not_followed(tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "thesis").write_text("years")
    store = Store(tmp_path / "cache")
    for folder in ("work", "quarantine", "entries"):
        (store.folder / folder / "link").symlink_to(mine)
    (store.folder / "locks" / "link").symlink_to(mine / "thesis")
    store = Store(tmp_path / "cache")
    list(store.verify())
    store.clear()
    assert (mine / "thesis").read_text() == "years"
    assert not any(store.folder.glob("work/*")) and store.entries() == []


def test_a_cache_that_may_not_be_written_still_answers() -> None:
    """Another user's cache: hits are read, a miss is a clear error."""
    with tempfile.TemporaryDirectory() as there:
        cache = Path(there) / "cache"
        store = Store(cache)
        store.get_or_make(key(1), lambda folder: write(folder, 1)).close()
        folders = [Path(there), cache, *(path for path in cache.rglob("*") if path.is_dir())]
        for folder in folders:
            folder.chmod(0o555)
        (cache / "room.lock").chmod(0o444)
        said = finish(start("look", cache)).splitlines()
        for folder in folders:
            folder.chmod(0o755)
    assert said[0] == "still right"
    assert said[1].startswith("StoreError: The cache cannot use ") and "RESHOOT_HOME" in said[1]


def test_a_cache_folder_that_is_a_file_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="cannot use"):
        Store(tmp_path / "file")
    with pytest.raises(StoreError, match="cannot use"):
        Store(tmp_path / "file" / "cache")


def test_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("RESHOOT_HOME", str(tmp_path))
    assert home() == tmp_path and cache_folder() == tmp_path / "cache"
    monkeypatch.setenv("RESHOOT_HOME", "")
    monkeypatch.setenv("HOME", "/home/me")
    assert home() == Path("/home/me/.reshoot") and cache_folder(Path("/pod")) == Path("/pod/cache")


def test_entries_made_ahead_are_told_from_others(tmp_path: Path) -> None:
    early, usual = Store(tmp_path, ahead=True), Store(tmp_path)
    for number in (0, 1, 0):
        early.get_or_make(key(number), lambda into: write(into, number)).close()  # noqa: B023
    assert usual.stats().stages["counted"].figures.hits == 0, "it found its own, which nobody asked for"
    for number in (0, 0, 2):
        usual.get_or_make(key(number), lambda into: write(into, number)).close()  # noqa: B023
    counted = usual.stats().stages["counted"].figures
    assert (counted.ahead, counted.ahead_used, counted.hits, counted.misses) == (2, 1, 2, 1)
    assert counted.ahead_rate == 0.5 and 0 < counted.ahead_saved_s < counted.ahead_s
    usual.clear()
    usual.get_or_make(key(1), lambda into: write(into, 1)).close()
    usual.get_or_make(key(1), lambda into: write(into, 1)).close()
    assert usual.stats().stages["counted"].figures.ahead_used == 1, "what was evicted was made for nothing"
