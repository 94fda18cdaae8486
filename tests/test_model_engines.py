"""What every engine with a model keeps, checked with tiny models in real files: shapes, memory, failures, silence."""

import gc
import json
import re
import socket
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from itertools import islice
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from pipeline.engines import engine as find_engine
from pipeline.engines.base import Carry, Engine, EngineError, EngineFrame, Lengths, View, Window
from pipeline.engines.diffusion import card
from pipeline.make.controls import controls
from pipeline.make.fitting import Fitting
from pipeline.make.made_window import checked
from pipeline.plan.segmentation import Segment
from pipeline.plan.windows import stretches
from pipeline.settings import Settings
from tests.engines import CPU, opened, window_of
from tests.tiny_models import TINY, tiny_model, tiny_settings
from utils.errors import Cancelled
from utils.image import RGB, Size
from utils.media.timebase import Span
from utils.memory import settle, unsettle
from utils.progress import Cancel
from utils.walker import Shot, walk

pytestmark = pytest.mark.slow

FRAMES = 85
LANDSCAPE, PORTRAIT, LARGE = Size(97, 67), Size(51, 90), Size(96, 64)
SMALLEST = Size(37, 33)
"""For long windows, whose size does not matter."""
DRAWN = {LANDSCAPE: 25, PORTRAIT: 6, LARGE: 1, SMALLEST: FRAMES}
"""How many frames of the walk are needed at a size."""


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
        (SMALLEST, counts(find_engine(name).caps.lengths)),
    )
    for count in asked
]
OTHER_SHAPE = {"vace": {"ffn_dim": 64}, "controlnet": {"cross_attention_dim": 64}, "edit": {"joint_attention_dim": 64}}
"""Changes to a transformer's configuration after which its weights do not fit."""


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
    """A session of each engine, for tests that do not change it."""
    kept: dict[str, Any] = {}
    yield kept
    for session in kept.values():
        session.close()


@pytest.fixture(params=TINY)
def case(
    request: pytest.FixtureRequest, models: Path, sessions: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> "Case":
    """Each engine in turn, with its tiny model."""
    folder = tiny_model(request.param, models)
    monkeypatch.setenv("RESHOOT_MODELS", str(models))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    return Case(find_engine(request.param), tiny_settings(request.param), folder, sessions)


class Case:
    """An engine, settings that are quick, the folder of its model, and sessions that stay open."""

    def __init__(self, engine: Engine, quick: dict[str, Any], folder: Path, sessions: dict[str, Any]) -> None:
        self.engine, self.quick, self.folder, self._sessions = engine, quick, folder, sessions

    def settings(self, **generate: Any) -> dict[str, Any]:
        more = {f"generate.{key}": value for key, value in generate.items()}
        return Settings.load(overrides={**self.quick, **more}).flat()

    def window(self, views: list[View], **generate: Any) -> Window:
        asked = replace(
            window_of(views, self.settings(**generate)),
            controls=controls(self.engine.caps.controls, lambda: iter(views)),
        )
        return Fitting.of(asked, self.engine.caps).padded(asked)

    def made(self, session: Any, views: list[View], **generate: Any) -> tuple[list[EngineFrame], list[str]]:
        """The frames of a window, cut to it, and the fallbacks."""
        asked = replace(
            window_of(views, self.settings(**generate)),
            controls=controls(self.engine.caps.controls, lambda: iter(views)),
        )
        fitting = Fitting.of(asked, self.engine.caps)
        fitted = fitting.padded(asked)
        output = session.run(fitted, Cancel(), lambda share, note: None)
        return list(fitting.cut(checked(output.frames, fitted, self.engine.name), asked)), output.fallbacks

    def open(self, **generate: Any) -> Any:
        return opened(self.engine, self.settings(**generate))

    @property
    def session(self) -> Any:
        """A session that other tests use as well."""
        if self.engine.name not in self._sessions:
            self._sessions[self.engine.name] = self.open()
        return self._sessions[self.engine.name]


@cache
def walked(size: Size) -> list[View]:
    """The walker at a size."""
    return [
        View(truth.index, rgb, truth.matte, truth.keypoints.astype(np.float32))
        for rgb, truth in islice(walk(Shot(size=size, frames=FRAMES)), DRAWN[size])
    ]


def rgb(frames: list[EngineFrame]) -> list[RGB]:
    return [frame.rgb for frame in frames]


def alike(some: list[EngineFrame], others: list[EngineFrame]) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(rgb(some), rgb(others), strict=True))


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
    if case.engine.caps.controls:
        edges, _ = case.made(session, views[:5], control="edges")
        assert not alike(first, edges)


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


def test_the_text_encoder_reads_a_prompt_once_and_is_gone(case: Case, views: list[View]) -> None:
    from transformers import PreTrainedModel

    session = case.open()
    for part in (views[:1], views[:5], views[1:2]):
        case.made(session, part)
    assert session.model.prompts.encoded == 1
    gc.collect()
    assert not [each for each in gc.get_objects() if issubclass(type(each), PreTrainedModel)]


def test_a_prompt_that_is_too_long_is_told(case: Case, views: list[View]) -> None:
    _, fallbacks = case.made(case.session, views[:1], prompt="r.a,i;n " * 240)
    assert len(fallbacks) == 1 and "tokens" in fallbacks[0]


def seen_by(args: tuple[Any, ...], named: dict[str, Any]) -> torch.Tensor:
    """The latents that a network is called with."""
    latents: torch.Tensor = named["hidden_states"] if "hidden_states" in named else args[0]
    return latents


class Hungry:
    """Makes the network run out of memory where it is given more than fits: frames x height x width in latents."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, session: Any, fits: Callable[[int, int, int], bool]) -> None:
        self.calls = 0
        for expert in session.model.experts.values():
            forward = expert.forward

            def limited(*args: Any, forward: Any = forward, **named: Any) -> Any:
                shape = seen_by(args, named).shape
                frames, size = shape[2] if len(shape) == 5 else shape[0], shape[-2:]
                self.calls += 1
                if not fits(frames, *size):
                    raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20 GiB.")
                return forward(*args, **named)

            monkeypatch.setattr(expert, "forward", limited)


def test_too_little_memory_means_fewer_frames_and_is_told_once(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    session, views = case.open(steps=1), walked(SMALLEST)
    if session.attempts.now.frames == 1:
        pytest.skip("it makes one frame at once")
    hungry = Hungry(monkeypatch, session, lambda frames, *size: frames <= 11)
    made, fallbacks = case.made(session, views[:81], steps=1)
    assert len(made) == 81
    assert len(fallbacks) == 1 and re.search("at most (37|8) frames", fallbacks[0])
    tried, hungry.calls = hungry.calls, 0
    again, fallbacks = case.made(session, views[:81], steps=1)
    assert alike(made, again) and not fallbacks
    assert hungry.calls < tried, "what does not fit is not tried again"


def test_then_the_picture_becomes_smaller(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    large = walked(LARGE)
    session = case.open(steps=1)
    usual = list[int]()
    with monkeypatch.context() as watched:
        Hungry(watched, session, lambda frames, *size: not usual.append(prod(size)))  # type: ignore[func-returns-value]
        case.made(session, large[:1], steps=1)
    Hungry(monkeypatch, session, lambda frames, *size: prod(size) < 0.9 * usual[0])
    made, fallbacks = case.made(session, large, steps=1)
    assert {frame.rgb.shape for frame in made} == {(64, 96, 3)}
    assert "75%" in fallbacks[-1] and len(fallbacks) == len(set(fallbacks))


def test_when_nothing_fits_it_says_what_to_do(case: Case, views: list[View], monkeypatch: pytest.MonkeyPatch) -> None:
    session = case.open(steps=1)
    Hungry(monkeypatch, session, lambda *shape: False)
    with pytest.raises(EngineError) as caught:
        case.made(session, views[:5], steps=1)
    assert "20 GiB" in caught.value.problem and "smaller model" in caught.value.remedy


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> Callable[[Any, torch.dtype | None], None]:
    """Makes the transformer give values that are no numbers, in one precision or in all."""

    def spoil(session: Any, only: torch.dtype | None) -> None:
        for expert in session.model.experts.values():
            forward = expert.forward

            def spoiled(*args: Any, forward: Any = forward, **named: Any) -> Any:
                (made,) = forward(*args, **named)
                return (made * float("nan"),) if only in (None, seen_by(args, named).dtype) else (made,)

            monkeypatch.setattr(expert, "forward", spoiled)

    return spoil


def test_a_failed_picture_is_made_again_in_full_precision(
    case: Case, views: list[View], failing: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(card, "precision", lambda place: torch.bfloat16)
    session = case.open(steps=1)
    failing(session, torch.bfloat16)
    made, fallbacks = case.made(session, views[:5], steps=1)
    assert len(fallbacks) == 1 and "full precision" in fallbacks[0]
    assert np.std(np.stack(rgb(made)).astype(float)) > 0
    assert not case.made(session, views[:5], steps=1)[1]


def test_a_picture_that_fails_for_good_is_never_kept(
    case: Case, views: list[View], failing: Callable[..., None]
) -> None:
    session = case.open(steps=1)
    failing(session, None)
    with pytest.raises(EngineError, match="no numbers"):
        case.made(session, views[:5], steps=1)


def test_a_black_picture_is_a_failure(case: Case, views: list[View], monkeypatch: pytest.MonkeyPatch) -> None:
    session = case.open(steps=1)
    decode = session.model.pipe.vae.decode
    monkeypatch.setattr(
        session.model.pipe.vae, "decode", lambda *args, **named: (torch.full_like(decode(*args, **named)[0], -1),)
    )
    with pytest.raises(EngineError, match="black"):
        case.made(session, views[:5], steps=1)


@pytest.fixture
def broken(case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of the model to damage."""
    import shutil

    shutil.copytree(case.folder.parent, tmp_path, dirs_exist_ok=True)
    monkeypatch.setenv("RESHOOT_MODELS", str(tmp_path))
    yield tmp_path / case.folder.name


def network(folder: Path) -> Path:
    """The folder of the network that takes the steps."""
    return next(folder / name for name in ("transformer", "unet") if (folder / name).is_dir())


def test_weights_of_another_shape_are_refused_by_name(case: Case, broken: Path) -> None:
    path = network(broken) / "config.json"
    config = json.loads(path.read_text())
    path.write_text(json.dumps({**config, **OTHER_SHAPE[case.engine.name]}))
    with pytest.raises(EngineError) as caught:
        case.open()
    assert " x " in caught.value.problem and "config.json asks for" in caught.value.problem


def test_half_a_model_is_not_ready(case: Case, broken: Path) -> None:
    shard = sorted(network(broken).glob("*.safetensors"))[-1]
    shard.unlink()
    ready = case.engine.probe()
    assert not ready.ready and shard.name in ready.reason and "models fetch" in ready.remedy


def test_weights_that_vanish_while_it_is_opened_are_told(
    case: Case, broken: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = case.settings()
    case.engine.models(settings)
    (broken / "vae" / "config.json").unlink()
    with pytest.raises(EngineError) as caught:
        opened(case.engine, settings)
    assert str(broken) in str(caught.value) or "vae" in str(caught.value)


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
