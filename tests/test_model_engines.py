"""What every engine with a model keeps, checked with tiny models in real files: shapes, seeds, masks, silence."""

import gc
import json
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from pipeline.engines.base import Carry, Lengths, View
from pipeline.engines.bernini.opened import EDITING
from pipeline.engines.diffusion.depth import NAME
from pipeline.plan.segmentation import Segment
from pipeline.plan.windows import stretches
from tests.engines import CPU
from tests.model_case import LANDSCAPE, PORTRAIT, SMALLEST, Case, alike, open_sessions, walked
from tests.tiny_models import TEXT, TINY, depth_anything, engine_of
from utils.errors import Cancelled
from utils.image import Size
from utils.media.timebase import Span
from utils.memory import settle, unsettle
from utils.progress import Cancel

pytestmark = pytest.mark.slow


def counts(allowed: Lengths) -> tuple[int, ...]:
    """Frames of short clips, of clips around the longest window, and of one with three windows."""
    most = allowed.most
    return 2, 3, 4, 7, *range(most - 1, most + 1 + allowed.step), 2 * most + 1


CLIPS = [
    (name, size, count)
    for name in TINY
    for size, asked in (
        (LANDSCAPE, (1, 5)),
        (PORTRAIT, (1, 6)),
        (SMALLEST, counts(engine_of(name).caps.lengths) if engine_of(name).name == name else ()),
    )
    for count in asked
]
"""Windows of all lengths once for each engine: its families differ in how a picture is made, and not in these."""


@pytest.fixture(scope="module")
def views() -> list[View]:
    """Some seconds of the walker at an odd size."""
    return walked(LANDSCAPE)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="module", autouse=True)
def _searched_quickly() -> Iterator[None]:
    """What the libraries brought is left out where tests look through all objects."""
    settle()
    yield
    unsettle()


@pytest.fixture(scope="module")
def sessions() -> Iterator[dict[str, Any]]:
    with open_sessions() as kept:
        yield kept


@pytest.fixture(params=TINY)
def case(
    request: pytest.FixtureRequest, models: Path, sessions: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> Case:
    """Each engine in turn, with its tiny model."""
    return Case(request.param, models, sessions, monkeypatch)


def tensors() -> int:
    """How many numbers all tensors hold that anybody still has; weights are among them."""
    gc.collect()
    return sum(each.numel() for each in gc.get_objects() if issubclass(type(each), torch.Tensor))


@pytest.mark.parametrize(("case", "size", "count"), CLIPS, indirect=["case"])
def test_every_length_and_size_is_filled_exactly(case: Case, size: Size, count: int) -> None:
    """As a clip of that length is planned; a clip longer than the walk goes back and forth."""
    there = walked(size)
    back_and_forth = [*there, *reversed(there)]
    views = [replace(back_and_forth[index % len(back_and_forth)], index=index) for index in range(count)]
    covered = set[int]()
    for run in stretches([Segment("hold", Span(0, count), "one")], [Span(0, count)], case.engine.caps.lengths, 5):
        made, _ = case.made(case.session, views[run.span.start : run.span.stop], steps=1)
        assert {(each.rgb.shape, each.rgb.dtype.name) for each in made} == {
            ((size.height_px, size.width_px, 3), "uint8")
        }
        covered |= {run.span.start + number for number in range(len(made))}
    assert covered == set(range(count))


def test_the_same_seed_gives_the_same_frames(case: Case, views: list[View]) -> None:
    first, _ = case.made(case.session, views[:5], seed=7)
    other, _ = case.made(case.session, views[:5], seed=8)
    again, _ = case.made(case.open(), views[:5], seed=7)
    assert alike(first, again) and not alike(first, other)


def test_the_prompt_and_the_control_change_the_picture(case: Case, views: list[View]) -> None:
    session = case.session
    first, _ = case.made(session, views[:5])
    other, _ = case.made(session, views[:5], prompt="a knight in armour")
    assert not alike(first, other)
    depth_anything(case.folder.parent / NAME)
    for control in case.engine.caps.controls - {"pose"}:
        led, _ = case.made(session, views[:5], control=control)
        assert not alike(first, led), control


def test_a_reference_changes_the_picture_and_nothing_of_it_stays(case: Case, views: list[View]) -> None:
    if not case.engine.caps.references:
        pytest.skip("it reads no pictures")
    dark, colours = np.full((40, 30, 3), 20, np.uint8), np.repeat(np.diag([255] * 3).astype(np.uint8)[:, None], 9, 1)
    session = case.session
    plain, shown, other, again, without = (
        case.made(session, views[:5], references=each)[0] for each in ((), (dark,), (colours,), (dark,), ())
    )
    assert not alike(plain, shown) and not alike(shown, other)
    assert alike(shown, again) and alike(plain, without)


def test_only_the_mask_is_shown(case: Case, views: list[View]) -> None:
    made, _ = case.made(case.session, views[20:25])
    for view, frame in zip(views[20:25], made, strict=True):
        assert frame.alpha is not None
        assert frame.alpha[view.matte == 255].mean() > 200
        assert (frame.alpha == 0).mean() > 0.4


def test_it_stops_within_a_step_and_gives_its_memory_back(case: Case, views: list[View]) -> None:
    session, cancel, notes = case.open(), Cancel(), list[str]()
    case.made(session, views[:5])
    before = tensors()

    def tell(share: float, note: str) -> None:
        notes.append(note)
        cancel.ask()

    with pytest.raises(Cancelled):
        list(session.run(case.window(views[:5], steps=4), cancel, tell).frames)
    assert len(notes) == 1
    assert tensors() == before
    assert len(case.made(session, views[:5])[0]) == 5


def test_no_tensor_outlives_its_window(case: Case, views: list[View]) -> None:
    others = tensors()
    session = case.open()
    left = []
    for part in (views[:5], views[5:14], views[:5]):
        case.made(session, part)
        left.append(tensors())
    assert left[0] == left[1] == left[2]
    weights = left[0] - others
    session.close()
    del session
    assert tensors() - others < weights / 4


def test_nothing_goes_out_to_the_network(case: Case, views: list[View], monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("an engine opened a connection")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    assert case.engine.probe().ready
    assert case.engine.estimate(case.settings(), LANDSCAPE, 10, CPU).seconds > 0
    assert len(case.made(case.open(), views[:5])[0]) == 5


def test_its_weights_are_part_of_the_cache_key_and_of_the_provenance(case: Case) -> None:
    digests = case.engine.models(case.settings())
    assert digests and all(len(digest) == 64 for digest in digests.values())
    told = case.open().provenance
    assert told.settings["digest"] in digests.values()
    assert {"model", "precision", "device", "torch"} <= set(told.settings)
    assert json.dumps(dict(told.settings))


def test_the_text_encoder_reads_nothing_twice_and_is_gone(case: Case, views: list[View]) -> None:
    from transformers import PreTrainedModel

    session = case.open()
    prompts, asked = session.model.prompts, set[Any]()
    numbers = prompts.numbers

    def watched(*some: Any) -> Any:
        asked.update(some)
        return numbers(*some)

    prompts.numbers = watched
    for part in (views[:1], views[:5], views[1:2]):
        case.made(session, part)
    before = EDITING if case.kind == "bernini" else ""
    assert prompts.encoded == len(asked) and {getattr(each, "text", each) for each in asked} == {before + TEXT[1]}
    gc.collect()
    assert not [each for each in gc.get_objects() if issubclass(type(each), PreTrainedModel)]


def test_a_prompt_that_is_too_long_is_told(case: Case, views: list[View]) -> None:
    _, fallbacks = case.made(case.session, views[:1], prompt="r.a,i;n " * 240)
    assert len(fallbacks) == 1 and "tokens" in fallbacks[0]


def test_a_window_goes_on_from_the_one_before(case: Case, views: list[View]) -> None:
    """Finished frames lead what comes after them, and are shown like all others."""
    if not case.engine.caps.carry:
        pytest.skip("its windows are independent")
    session = case.session
    window = case.window(views[:9])
    size = window.size
    white = np.full((size.height_px, size.width_px, 3), 255, np.uint8)
    valid = np.full((size.height_px, size.width_px), 255, np.uint8)
    carried = replace(window, carry=Carry((white,) * 5, (valid,) * 5))
    plain, after = (list(session.run(each, Cancel(), lambda s, n: None).frames) for each in (window, carried))
    assert not alike(plain, after)
    assert not alike(plain[5:], after[5:])
    for one, other in zip(plain, after, strict=True):
        assert one.alpha is not None and other.alpha is not None and np.array_equal(one.alpha, other.alpha)
