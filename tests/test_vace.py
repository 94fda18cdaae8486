"""Wan VACE as one adapter for its checkpoints: one or two experts, guidance or none, and where its parts are kept."""

from collections import Counter
from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from pipeline.engines import engine as find_engine
from pipeline.engines.base import EngineError
from pipeline.engines.device import Device
from pipeline.engines.vace.engine import Vace
from pipeline.engines.vace.opened import Opened
from pipeline.settings import Settings
from tests.engines import CPU, opened, style_of, window_of
from tests.test_vace_conditioning import view
from tests.tiny_models import TINY, tiny_model, tiny_settings, wan_lora, wan_vace
from utils.image import RGB
from utils.progress import Cancel

pytestmark = pytest.mark.slow

VACE = Vace()
CARD = Device("cuda", "NVIDIA A40", 46068)


@pytest.fixture
def models(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path_factory.mktemp("models")
    monkeypatch.setenv("RESHOOT_MODELS", str(folder))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    return folder


def frames(session: Any, **changed: Any) -> list[RGB]:
    """Five frames."""
    settings = Settings.load(overrides={**tiny_settings("vace"), **changed}).flat()
    output = session.run(window_of([view(index) for index in range(5)], settings), Cancel(), lambda share, note: None)
    return [frame.rgb for frame in output.frames]


def session_of(**changed: Any) -> Any:
    return opened(find_engine("vace"), Settings.load(overrides={**tiny_settings("vace"), **changed}).flat())


def counted(monkeypatch: pytest.MonkeyPatch, session: Any) -> Counter[str]:
    """How often each expert is asked."""
    calls = Counter[str]()
    for name, expert in session.model.experts.items():
        forward: Callable[..., Any] = expert.forward

        def counting(*args: Any, name: str = name, forward: Callable[..., Any] = forward, **named: Any) -> Any:
            calls[name] += 1
            return forward(*args, **named)

        monkeypatch.setattr(expert, "forward", counting)
    return calls


def test_one_pass_a_step_without_guidance_and_two_with_it(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tiny_model("vace", models)
    session = session_of()
    calls = counted(monkeypatch, session)
    frames(session, **{"generate.steps": 4})
    assert calls == {"transformer": 4}
    frames(session, **{"generate.steps": 4, "generate.guidance": 3.0, "generate.negative_prompt": "rain"})
    assert calls == {"transformer": 12}
    assert session.model.prompts.encoded == 2


def test_two_experts_share_the_steps(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """High noise goes to one, low noise to the other; LoRAs go to both."""
    wan_vace(models / TINY["vace"][1], experts=2)
    wan_lora(models / "loras" / "mine.safetensors", "wan")
    session, changed = session_of(), session_of(**{"generate.loras": "mine"})
    calls = counted(monkeypatch, session)
    plain = frames(session, **{"generate.steps": 8})
    assert set(calls) == {"transformer", "transformer_2"} and calls.total() == 8
    assert not np.array_equal(plain[0], frames(changed, **{"generate.steps": 8})[0])
    assert all(expert.active_adapters() == ["lora0"] for expert in changed.model.experts.values())


def test_reference_pictures_and_their_order_change_what_is_made(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Seen in the latents, for a tiny random model shows differences between pictures hardly in its frames."""
    tiny_model("vace", models)
    session = session_of()
    made = list[Any]()
    called = Opened.frames

    def kept(self: Opened, *args: Any) -> Any:
        frames, latents = called(self, *args)
        made.append(latents)
        return frames, latents

    monkeypatch.setattr(Opened, "frames", kept)
    settings = Settings.load(overrides={**tiny_settings("vace"), "generate.control_strength": 2.0}).flat()
    views = [view(index, tall=60) for index in range(5)]
    dark, noisy = np.zeros((60, 90, 3), np.uint8), np.random.default_rng(0).integers(0, 255, (60, 90, 3), np.uint8)
    for references in ((), (dark,), (noisy,), (dark, noisy), (noisy, dark)):
        window = window_of(views, settings, style_of(views, *references))
        assert len(list(session.run(window, Cancel(), lambda s, n: None).frames)) == 5
    assert len(made) == 5
    assert min(np.abs(one - other).max() for one, other in combinations(made, 2)) > 1e-5


def test_what_a_prompt_leaves_empty_says_nothing(models: Path) -> None:
    tiny_model("vace", models)
    session = session_of()
    short, long = session.model.prompts.numbers("rain", "rain in the night")
    assert short.shape == long.shape and short.shape[1] == session.model.prompts.most_tokens
    used = [int((each.abs().sum(dim=2) > 0).sum()) for each in (short, long)]
    assert 0 < used[0] < used[1] < 100


def own_checkpoint(home: Path, options: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A checkpoint of the user's, which needs no code."""
    monkeypatch.setenv("RESHOOT_HOME", str(home))
    (home / "models").mkdir()
    (home / "models" / "mine.yaml").write_text(
        "extends: wan-vace\ncheckpoints:\n  - name: mine\n    good_for: Few steps.\n    about_gb: 1\n    card_gb: 1\n"
        f"    repository: me/mine\n    files: [transformer/*.safetensors]\n    options: {options}\n"
    )
    wan_vace(home / "models" / "mine")


def test_a_checkpoint_brings_what_it_was_made_for(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own_checkpoint(tmp_path, "{steps: 3, guidance: 1.0, shift: 7.5}", monkeypatch)
    mine = {"generate.model": "mine", "generate.steps": 0, "generate.guidance": 0.0}
    session = session_of(**mine)
    calls = counted(monkeypatch, session)
    frames(session, **mine)
    assert calls == {"transformer": 3} and session.model.pipe.scheduler.config.flow_shift == 7.5
    usual = {**mine, "generate.steps": 50, "generate.guidance": 5.0}
    ratio = VACE.estimate(usual, view(0).size, 81, CARD).seconds / VACE.estimate(mine, view(0).size, 81, CARD).seconds
    assert ratio == pytest.approx(100 / 3)


def test_low_effort_takes_half_of_many_steps(models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own_checkpoint(tmp_path, "{steps: 9, guidance: 1.0}", monkeypatch)
    mine = {"generate.model": "mine", "generate.steps": 0, "generate.guidance": 0.0}
    session = session_of(**mine)
    calls = counted(monkeypatch, session)
    for effort, more, steps in (("low", {}, 5), ("high", {}, 9), ("low", {"generate.steps": 3}, 3)):
        calls.clear()
        frames(session, **{**mine, "generate.effort": effort, **more})
        assert calls == {"transformer": steps}


def test_an_option_that_nobody_knows_is_told(models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own_checkpoint(tmp_path, "{stesp: 3}", monkeypatch)
    with pytest.raises(EngineError, match="'stesp'"):
        session_of(**{"generate.model": "mine"})


@pytest.mark.parametrize("offload", ["none", "model", "blocks"])
def test_a_processor_keeps_all_in_its_memory(models: Path, offload: Any) -> None:
    tiny_model("vace", models)
    session = session_of()
    session.model.place(offload)
    assert {each.device.type for expert in session.model.experts.values() for each in expert.parameters()} == {"cpu"}
    assert len(frames(session)) == 5


def test_the_cost_follows_the_checkpoint_that_is_here(models: Path) -> None:
    usual = VACE.estimate({}, view(0).size, 81, CARD)
    tiny_model("vace", models)
    tiny = VACE.estimate({}, view(0).size, 81, CARD)
    assert 0 < tiny.seconds < usual.seconds / 100 and tiny.vram_mb < usual.vram_mb
    few = VACE.estimate({"generate.steps": 4, "generate.guidance": 1.0}, view(0).size, 81, CARD)
    assert few.seconds == pytest.approx(tiny.seconds * 4 / 100)
    assert VACE.estimate({}, view(0).size, 81, CPU).vram_mb == 0


def test_its_weights_are_counted_from_the_configuration(models: Path) -> None:
    """But for the first and last layers, norms and biases, which are little in a large model."""
    folder = tiny_model("vace", models)
    model = Opened.from_folder(folder, torch.device("cpu"), torch.float32).experts["transformer"]
    blocks = [*model.blocks, *model.vace_blocks]
    there = sum(each.numel() for block in blocks for each in block.parameters() if each.ndim == 2)
    assert 0.9 < VACE.architecture(model.config, "wan-vace-1.3b").weights / there < 1.1
