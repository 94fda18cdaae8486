"""Prefetching changes nothing but the time: same items, same order, same errors, and nothing is left running."""

import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from utils.prefetch import prefetch
from utils.project import PROJECT_ROOT


@pytest.fixture(autouse=True)
def nothing_left_running() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    for thread in set(threading.enumerate()) - before:
        thread.join(30)  # one that has done its work may still be about to end
        assert not thread.is_alive(), thread.name


def test_the_same_items_in_the_same_order() -> None:
    assert list(prefetch(range(500))) == list(range(500))
    assert list(prefetch([])) == []


def test_an_error_arrives_where_the_item_would_have() -> None:
    def failing() -> Iterator[int]:
        yield 1
        raise LookupError("no second")

    items = prefetch(failing())
    assert next(items) == 1
    with pytest.raises(LookupError, match="no second"):
        next(items)


def test_the_maker_ends_with_its_consumer_and_closes_its_source() -> None:
    closed = threading.Event()

    def endless() -> Iterator[int]:
        try:
            number = 0
            while True:
                yield number
                number += 1
        finally:
            closed.set()

    items = prefetch(endless(), depth=2)
    assert next(items) == 0
    items.close()
    assert closed.is_set()


def test_it_runs_no_further_ahead_than_asked() -> None:
    made = []

    def counted() -> Iterator[int]:
        for number in range(100):
            made.append(number)
            yield number

    items = prefetch(counted(), depth=3)
    for number in items:
        assert len(made) <= number + 6


def test_a_forgotten_one_may_be_collected_in_its_own_thread() -> None:
    first_taken, closed = threading.Event(), threading.Event()

    def source() -> Iterator[int]:
        yield 0
        first_taken.wait(60)
        items.close()  # as the garbage collector does, in whichever thread it happens to run
        closed.set()
        yield 1

    before = set(threading.enumerate())
    items = prefetch(source(), depth=1)
    assert next(items) == 0
    first_taken.set()
    assert closed.wait(60)
    for thread in set(threading.enumerate()) - before:
        thread.join(60)
        assert not thread.is_alive()


def test_an_outer_one_may_be_collected_in_the_thread_that_feeds_it() -> None:
    first_taken, closed = threading.Event(), threading.Event()

    def source() -> Iterator[int]:
        yield 0
        first_taken.wait(60)
        outer.close()  # its thread waits for the next item of this one
        closed.set()
        yield 1

    outer = prefetch((number for number in prefetch(source(), depth=1)), depth=1)
    assert next(outer) == 0
    first_taken.set()
    assert closed.wait(60)


def test_one_may_be_collected_while_threads_are_listed() -> None:
    """The list of threads has a lock, which a thread that ends needs, too."""
    items = prefetch(iter(range(100)), depth=1)
    assert next(items) == 0

    def collect() -> None:
        with threading._active_limbo_lock:  # type: ignore[attr-defined]
            items.close()

    collector = threading.Thread(target=collect, daemon=True)
    collector.start()
    collector.join(60)
    assert not collector.is_alive()


def test_a_nested_one_ends_with_the_outer() -> None:
    def endless() -> Iterator[int]:
        number = 0
        while True:
            yield number
            number += 1

    outer = prefetch((2 * number for number in prefetch(endless(), depth=1)), depth=1)
    assert [next(outer), next(outer)] == [0, 2]
    outer.close()


def test_a_process_that_ends_waits_for_none_that_it_holds() -> None:
    """Its threads are stopped by then, and would be waited for for ever."""
    script = (
        "import itertools; from utils.prefetch import prefetch; items = prefetch(itertools.count()); print(next(items))"
    )
    child = subprocess.run([sys.executable, "-c", script], cwd=PROJECT_ROOT, capture_output=True, text=True, timeout=60)
    assert child.returncode == 0 and child.stdout == "0\n", child.stderr
