"""The card's memory: how much is used, when it is given back, and that settings of it change nothing that is made."""

import gc
import subprocess
import sys
import weakref
from collections.abc import Iterator

import pytest

from pipeline.engines.base import MEMORY, Caps, Lengths
from pipeline.engines.clearing import Clearing
from pipeline.engines.diffusion.attempts import Attempt
from pipeline.engines.sessions import Sessions
from pipeline.make.made_window import making
from pipeline.settings import Settings
from tests.engines import Drawing
from utils.memory import budget_mb, settle, unsettle
from utils.project import PROJECT_ROOT

FRAME, SEGMENT = (Caps(kind, Lengths()) for kind in ("frame", "segment"))


@pytest.fixture
def cleared(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What happened, in order: frames that were made, and memory that was given back."""
    order = list[str]()

    def clear() -> bool:
        order.append("clear")
        return True

    monkeypatch.setattr("pipeline.engines.clearing.clear_cuda", clear)
    return order


def clearing(caps: Caps, when: str = "auto") -> Clearing:
    return Clearing.of(Settings.load(overrides={"memory.clear": when}).flat(), caps)


def made(order: list[str], now: Clearing) -> list[str]:
    def frames() -> Iterator[int]:
        for index in range(3):
            order.append(f"frame {index}")
            yield index

    assert list(now.after(frames())) == [0, 1, 2]
    return order


EACH = ["frame 0", "clear", "frame 1", "clear", "frame 2", "clear"]
ONCE = ["frame 0", "frame 1", "frame 2", "clear"]


@pytest.mark.parametrize(
    ("caps", "when", "order"),
    [
        (FRAME, "auto", EACH),
        (SEGMENT, "auto", ONCE),
        (FRAME, "window", ONCE),
        (SEGMENT, "frame", EACH),
        (FRAME, "never", [each for each in ONCE if each != "clear"]),
    ],
)
def test_memory_is_given_back_when_it_is_asked_for(cleared: list[str], caps: Caps, when: str, order: list[str]) -> None:
    now = clearing(caps, when)
    assert made(cleared, now) == order
    assert now.times == order.count("clear") and (now.seconds > 0) == bool(now.times)


def test_a_window_that_stops_early_gives_its_memory_back(cleared: list[str]) -> None:
    frames = clearing(SEGMENT).after(iter(range(3)))
    next(frames)
    frames.close()  # type: ignore[attr-defined]
    assert cleared == ["clear"]


def test_what_the_memory_is_told_is_in_no_key() -> None:
    engine = Drawing("reader", settings=("generate.seed", *MEMORY), opening=("memory.offload",))
    stage = making(engine, Sessions())
    usual = Settings.load().flat()
    other = Settings.load(
        overrides={"memory.clear": "never", "memory.offload": "blocks", "memory.budget_gb": 8.0}
    ).flat()
    assert stage.key(usual, {}, {}) == stage.key(other, {}, {})
    assert stage.key(usual, {}, {}) != stage.key({**usual, "generate.seed": 1}, {}, {})
    assert {name for name in usual if name.startswith("memory.")} == set(MEMORY)


def test_the_budget_is_what_was_asked_for_as_far_as_the_card_has_it() -> None:
    large, small = 143771.0, 24564.0
    assert budget_mb(large) == 45 * 1024 and budget_mb(small) == 0.94 * small
    assert budget_mb(large, 100.0) == 100 * 1024 and budget_mb(small, 100.0) == 0.94 * small
    assert budget_mb(small, 8.0) == 8 * 1024


@pytest.mark.parametrize(
    ("room_mb", "asked", "offload", "left"),
    [
        (40_000, "auto", "none", ("model", "blocks")),
        (35_000, "auto", "model", ("blocks",)),
        (10_000, "auto", "blocks", ()),
        (10_000, "none", "none", ("model", "blocks")),
        (40_000, "blocks", "blocks", ()),
    ],
)
def test_parts_wait_outside_the_card_where_they_do_not_fit_or_as_asked(
    room_mb: float, asked: str, offload: str, left: tuple[str, ...]
) -> None:
    attempt = Attempt(81).on_card([30_000, 6_000], room_mb, asked)
    assert (attempt.offload, attempt.offloads) == (offload, left)


def test_each_attempt_is_smaller_and_ends() -> None:
    attempt, sentences = Attempt(81, can_tile=True).on_card([30_000, 6_000], 40_000), list[str]()
    while smaller := attempt.smaller():
        attempt, sentence = smaller
        sentences.append(sentence)
    assert len(sentences) == len(set(sentences)) == 7
    assert attempt.frames == 17 and attempt.offload == "blocks" and attempt.tiled and attempt.scale < 0.6
    assert "tile by tile" in sentences[-3]


def test_what_is_settled_is_found_again_once_it_is_closed() -> None:
    class Ring:
        def __init__(self) -> None:
            self.me = self

    ring = Ring()
    gone = weakref.ref(ring)
    settle()
    del ring
    gc.collect()
    assert gone() is not None, "it was left out of the search"
    unsettle()
    gc.collect()
    assert gone() is None


def test_an_engine_without_torch_gives_nothing_back_and_loads_none() -> None:
    code = "import sys; from utils.memory import clear_cuda; print(clear_cuda(), 'torch' in sys.modules)"
    child = subprocess.run([sys.executable, "-c", code], cwd=PROJECT_ROOT, capture_output=True, text=True, check=True)
    assert child.stdout.split() == ["False", "False"]
