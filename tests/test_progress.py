"""What goes on beside work: it is repeated while the work lasts, and ends with it."""

import threading
import time

import pytest

from utils.progress import repeating


def test_a_step_is_repeated_while_the_block_runs_and_not_after_it() -> None:
    steps: list[float] = []
    third = threading.Event()

    def step() -> bool:
        steps.append(time.monotonic())
        if len(steps) == 3:
            third.set()
        return True

    with pytest.raises(KeyError), repeating("steps", 0.001, step):
        assert third.wait(60)
        raise KeyError
    count = len(steps)
    time.sleep(0.05)
    assert len(steps) == count


def test_a_step_that_says_so_is_the_last() -> None:
    steps = []

    def step() -> bool:
        steps.append(True)
        return False

    with repeating("steps", 0.001, step):
        time.sleep(0.1)
    assert steps == [True]
