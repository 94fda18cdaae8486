"""One key is computed once, whoever asks, and whoever dies."""

import threading
from pathlib import Path

import pytest

from tests.store_child import finish, hear, key, kill, start, tell, write
from utils.errors import Cancelled
from utils.progress import Cancel
from utils.store import Store


def test_three_processes_compute_once(tmp_path: Path) -> None:
    log = tmp_path / "log"
    first, *others = (start("ask", tmp_path / "cache", 7, log) for _ in range(3))
    children = [first, *others]
    for child in children:
        assert hear(child) == "asking"
    for child in children:
        tell(child)
    answers = sorted(line for child in children for line in finish(child).splitlines())
    assert answers == ["hit right", "hit right", "made right", "making"]
    assert log.read_text() == "made\n"


def test_when_the_maker_is_killed_another_makes_it(tmp_path: Path) -> None:
    log = tmp_path / "log"
    maker = start("ask", tmp_path / "cache", 7, log)
    assert [hear(maker), hear(maker)] == ["asking", "making"]
    others = [start("ask", tmp_path / "cache", 7, log) for _ in range(2)]
    for child in others:
        assert hear(child) == "asking"
    kill(maker)
    for child in others:
        tell(child)
    answers = sorted(line for child in others for line in finish(child).splitlines())
    assert answers == ["hit right", "made right", "making"]
    assert log.read_text() == "made\nmade\n"
    Store(tmp_path / "cache")
    assert not any((tmp_path / "cache" / "work").iterdir()), "what the killed maker left is swept"


def test_the_workers_of_a_killed_maker_do_not_keep_its_key(tmp_path: Path) -> None:
    maker = start("ask_with_workers", tmp_path / "cache", 7)
    assert hear(maker) == "making"
    maker.kill()
    maker.wait()
    other = start("ask", tmp_path / "cache", 7, tmp_path / "log")
    assert [hear(other), hear(other)] == ["asking", "making"]
    tell(other)
    assert finish(other) == "made right"
    kill(maker)


def test_threads_of_one_process_compute_once_too(tmp_path: Path) -> None:
    store, made, answers = Store(tmp_path), [], []
    everyone_asks = threading.Barrier(4)

    def make(into: Path) -> None:
        made.append(into)
        write(into, 3)

    def ask() -> None:
        everyone_asks.wait()
        answers.append(store.get_or_make(key(3), make))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 1 and sorted(entry.hit for entry in answers) == [False, True, True, True]


def test_waiting_for_another_process_can_be_stopped(tmp_path: Path) -> None:
    maker = start("ask", tmp_path / "cache", 7, tmp_path / "log")
    assert [hear(maker), hear(maker)] == ["asking", "making"]
    cancel = Cancel()
    cancel.ask()
    with pytest.raises(Cancelled):
        Store(tmp_path / "cache").get_or_make(key(7), lambda into: write(into, 7), cancel)
    tell(maker)
    assert finish(maker) == "made right"


def test_other_keys_do_not_wait(tmp_path: Path) -> None:
    maker = start("ask", tmp_path / "cache", 7, tmp_path / "log")
    assert [hear(maker), hear(maker)] == ["asking", "making"]
    assert not Store(tmp_path / "cache").get_or_make(key(8), lambda into: write(into, 8)).hit
    tell(maker)
    assert finish(maker) == "made right"


def test_a_failed_making_leaves_nothing_and_frees_the_key(tmp_path: Path) -> None:
    store = Store(tmp_path)

    def fail(into: Path) -> None:
        write(into, 1)
        raise RuntimeError("the model would not")

    with pytest.raises(RuntimeError, match="would not"):
        store.get_or_make(key(1), fail)
    assert not any((tmp_path / "work").iterdir()) and not any((tmp_path / "locks").iterdir())
    assert not store.get_or_make(key(1), lambda into: write(into, 1)).hit
