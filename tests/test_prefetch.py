"""Prefetching changes nothing but the time: same items, same order, same errors, and nothing is left running."""

import threading
from collections.abc import Iterator

import pytest

from utils.prefetch import prefetch


@pytest.fixture(autouse=True)
def nothing_left_running() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    assert {thread.name for thread in threading.enumerate() if thread not in before} == set()


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
