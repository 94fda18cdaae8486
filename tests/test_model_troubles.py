"""What every engine with a model does in trouble: too little memory, pictures that fail, files that are damaged."""

import json
import re
import shutil
from collections.abc import Callable, Iterator
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from pipeline.engines.base import EngineError, View
from pipeline.engines.diffusion import card
from pipeline.engines.weights import readiness
from tests.engines import opened
from tests.model_case import LANDSCAPE, LARGE, SMALLEST, Case, alike, rgb, walked
from tests.tiny_models import TINY

pytestmark = pytest.mark.slow

OTHER_SHAPE = {
    "vace": {"ffn_dim": 64},
    "controlnet": {"cross_attention_dim": 64},
    "edit": {"joint_attention_dim": 64},
    "qwen": {"in_channels": 64},
    "bernini": {"num_attention_heads": 4},
}
"""Changes to a transformer's configuration after which its weights do not fit."""


@pytest.fixture(scope="module")
def views() -> list[View]:
    """Some seconds of the walker at an odd size."""
    return walked(LANDSCAPE)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models")


@pytest.fixture(params=TINY)
def case(request: pytest.FixtureRequest, models: Path, monkeypatch: pytest.MonkeyPatch) -> Case:
    """Each engine in turn, with its tiny model; each test opens a session to spoil."""
    return Case(request.param, models, {}, monkeypatch)


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
    shutil.copytree(case.folder.parent, tmp_path, dirs_exist_ok=True)
    monkeypatch.setenv("RESHOOT_MODELS", str(tmp_path))
    yield tmp_path / case.folder.name


def network(folder: Path) -> Path:
    """The folder of the network that takes the steps."""
    return next(folder / name for name in ("transformer", "unet") if (folder / name).is_dir())


def test_weights_of_another_shape_are_refused_by_name(case: Case, broken: Path) -> None:
    path = network(broken) / "config.json"
    config = json.loads(path.read_text())
    path.write_text(json.dumps({**config, **OTHER_SHAPE[case.kind]}))
    with pytest.raises(EngineError) as caught:
        case.open()
    assert " x " in caught.value.problem and "config.json asks for" in caught.value.problem


def test_half_a_model_is_not_ready(case: Case, broken: Path) -> None:
    shard = sorted(network(broken).glob("*.safetensors"))[-1]
    shard.unlink()
    ready = case.engine.probe() if case.kind == case.engine.name else readiness(case.folder.name)
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
