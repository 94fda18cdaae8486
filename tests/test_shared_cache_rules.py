"""What is worth sharing, when a place is left alone, and what waits in the background."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from utils.key import Key
from utils.progress import Cancel
from utils.project import PROJECT_ROOT
from utils.store.manifest import Blob, Manifest
from utils.store.shared.background import Background
from utils.store.shared.breaker import MOST_FAILURES, REST_S, Breaker
from utils.store.shared.trouble import NoObject, ObjectError
from utils.store.shared.worth import KNOWN_RESULTS, Worth
from utils.store.usage_stats import Figures

MB = 1_000_000


def test_a_home_that_shares_nothing_loads_nothing_for_it(tmp_path: Path) -> None:
    code = "import sys; from pathlib import Path; from utils.store.shared.opening import open_store; "
    code += "open_store(Path(sys.argv[1])); sys.exit(bool({'obstore', 'asyncio'} & set(sys.modules)))"
    environment = {name: value for name, value in os.environ.items() if name != "RESHOOT_SHARED"}
    subprocess.run([sys.executable, "-c", code, tmp_path], cwd=PROJECT_ROOT, env=environment, check=True)


@pytest.mark.parametrize(
    ("seconds", "bytes", "shared"),
    [
        (0.39, 1000, False),  # two requests up and two down take as long
        (0.41, 1000, True),
        (300.0, 40 * MB, True),  # a window of a model
        (6.0, 1 * MB, True),  # an analysis
        (2.5, 80 * MB, False),  # a clip that is encoded faster than it is moved
        (0.0, 0, False),
    ],
)
def test_a_result_is_shared_when_moving_it_is_quicker_than_computing_it(
    seconds: float, bytes: int, shared: bool
) -> None:
    manifest = Manifest.of(Key("any", 1), {"file": Blob(bytes, "0" * 64)}, seconds)
    assert Worth().sharing(manifest) is shared


def test_a_kind_of_result_is_asked_for_until_it_is_known_to_be_cheap() -> None:
    worth = Worth()
    assert worth.asking(Figures())
    assert worth.asking(Figures(misses=KNOWN_RESULTS - 1, computed_s=0.0))
    assert not worth.asking(Figures(misses=KNOWN_RESULTS, computed_s=0.03 * KNOWN_RESULTS))
    assert worth.asking(Figures(misses=KNOWN_RESULTS, computed_s=0.05 * KNOWN_RESULTS)), "another clip may be larger"
    assert not worth.asking(Figures(misses=10, computed_s=10.0, made_bytes=1000 * MB))


def rests(breaker: Breaker) -> str:
    """Why a place is left alone; empty when it is not."""
    return breaker.problem.why if breaker.problem else ""


def failing(breaker: Breaker, error: ObjectError, times: int = 1) -> None:
    for _ in range(times):
        with pytest.raises(ObjectError), breaker.attempt():
            raise error


def test_a_place_is_left_alone_after_failures_in_a_row_and_tried_again_later() -> None:
    now = 0.0
    breaker = Breaker(clock=lambda: now)
    failing(breaker, ObjectError("is away", "Wait."), MOST_FAILURES - 1)
    with breaker.attempt():
        pass
    failing(breaker, ObjectError("is away", "Wait."), MOST_FAILURES - 1)
    assert not rests(breaker), "not in a row"
    failing(breaker, ObjectError("is away", "Wait."))
    assert rests(breaker) == "is away"
    with pytest.raises(ObjectError, match="is away"), breaker.attempt():
        raise AssertionError("it is left alone")
    now = REST_S
    failing(breaker, ObjectError("is away", "Wait."))
    assert rests(breaker), "one attempt decides"
    now = 2 * REST_S
    with breaker.attempt():
        pass
    failing(breaker, ObjectError("is away", "Wait."))
    assert not rests(breaker)


def test_what_trying_again_does_not_help_is_left_alone_at_once_and_an_absent_object_never() -> None:
    breaker = Breaker()
    failing(breaker, NoObject(), 10)
    assert not rests(breaker)
    failing(breaker, ObjectError("denies access", "Check it.", lasting=True))
    assert rests(breaker)


def test_the_background_takes_only_so_much_and_is_left_at_the_end() -> None:
    began, go, done = threading.Event(), threading.Event(), []

    def slow(cancel: Cancel) -> None:
        began.set()
        go.wait(60)
        done.append(1)

    background = Background(most_waiting=2)
    assert background.add(slow)
    assert began.wait(60)
    assert background.add(slow) and background.add(slow) and not background.add(slow)
    assert background.flush(0.1) == 3
    background.close()
    go.set()
    assert background._thread
    background._thread.join()
    assert done == [1], "what had not begun is left"
