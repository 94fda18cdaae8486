"""Checkpoints of Wan VACE that are made of two: a distilled base or a LoRA, and the model that it is for."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from pipeline.engines import engine as find_engine
from pipeline.engines.base import EngineError
from pipeline.engines.diffusion.components import component
from pipeline.engines.vace.composed import VACE, composed
from pipeline.settings import Settings
from tests.engines import opened, window_of
from tests.test_vace_conditioning import view
from tests.tiny_models import tiny_settings, wan_base, wan_lora, wan_vace
from utils.progress import Cancel

pytestmark = pytest.mark.slow

YAML = """
extends: wan-vace
checkpoints:
  - {{name: whole, good_for: Tests., about_gb: 1, card_gb: 0, repository: me/whole, files: [transformer/*.safetensors]}}
  - {{name: two, good_for: Tests., about_gb: 1, card_gb: 0, repository: me/two, files: [two.safetensors],
     parts: {{vace: whole}}, options: {options}}}
"""


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return wan_vace(tmp_path_factory.mktemp("home") / "models" / "whole")


@pytest.mark.parametrize("names", ["wan", "diffusers"])
def test_the_base_of_one_and_the_blocks_of_the_other(whole: Path, tmp_path: Path, names: str) -> None:
    base = wan_base(tmp_path / "base.safetensors", whole / "transformer", names=names, scale=3.0)
    model = composed(whole / "transformer", base, torch.float32)
    from diffusers import WanVACETransformer3DModel

    plain = component(whole / "transformer", WanVACETransformer3DModel, torch.float32).state_dict()
    made = model.state_dict()
    assert made.keys() == plain.keys()
    for name, each in made.items():
        factor = 1 if name.startswith(VACE) else 3
        assert torch.equal(each, factor * plain[name]), name
    assert torch.isfinite(torch.cat([each.flatten() for each in model.buffers()])).all()


def test_half_precision_is_kept_where_the_library_keeps_it(whole: Path, tmp_path: Path) -> None:
    from diffusers import WanVACETransformer3DModel

    base = wan_base(tmp_path / "base.safetensors", whole / "transformer", scale=1.0)
    plain = component(whole / "transformer", WanVACETransformer3DModel, torch.bfloat16).state_dict()
    made = composed(whole / "transformer", base, torch.bfloat16).state_dict()
    assert {name: each.dtype for name, each in made.items()} == {name: each.dtype for name, each in plain.items()}
    assert all(torch.equal(each, plain[name]) for name, each in made.items())


def spoiled(base: Path, how: str) -> None:
    """A base that does not fit."""
    weights = load_file(base)
    if how == "lacks":
        del weights["blocks.1.ffn.0.bias"]
    if how == "other size":
        weights["blocks.1.ffn.0.bias"] = torch.zeros(7)
    if how == "more":
        weights["blocks.0.cross_attn.k_img.weight"] = torch.zeros(24, 24)
    if how == "blocks":
        weights["vace_blocks.0.after_proj.bias"] = torch.zeros(24)
    save_file(weights, base)


@pytest.mark.parametrize(
    ("how", "told"),
    [
        ("lacks", "lacks the weight blocks.1.ffn.net.0.proj.bias"),
        ("other size", "blocks.1.ffn.net.0.proj.bias is 7, where the model needs 32"),
        ("more", "it has the weight blocks.0.cross_attn.k_img.weight"),
        ("blocks", "it has the weight vace_blocks.0.after_proj.bias"),
    ],
)
def test_a_base_that_does_not_fit_is_refused_by_the_weight(whole: Path, tmp_path: Path, how: str, told: str) -> None:
    base = wan_base(tmp_path / "base.safetensors", whole / "transformer")
    spoiled(base, how)
    with pytest.raises(EngineError) as caught:
        composed(whole / "transformer", base, torch.float32)
    assert told in caught.value.problem
    base.write_bytes(b"no weights")
    with pytest.raises(EngineError, match="damaged"):
        composed(whole / "transformer", base, torch.float32)


def made(model: str, **changed: Any) -> tuple[Any, np.ndarray]:  # type: ignore[type-arg]
    """A session with a checkpoint, and the frames that it makes."""
    given = {**tiny_settings("vace"), "generate.model": model, "generate.steps": 0, "generate.guidance": 0.0}
    settings = Settings.load(overrides={**given, **changed}).flat()
    session = opened(find_engine("vace"), settings)
    window = window_of([view(index) for index in range(5)], settings)
    frames = [frame.rgb for frame in session.run(window, Cancel(), lambda share, note: None).frames]
    return session, np.stack(frames)


@pytest.mark.parametrize("kind", ["base", "lora"])
def test_a_checkpoint_of_the_registry_is_made_of_two(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """From its few steps to its key, with settings of the user's on top."""
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "whole").symlink_to(whole)
    options = "{steps: 2, guidance: 1, shift: 5, lora: 0.5}" if kind == "lora" else "{steps: 2, guidance: 1, shift: 5}"
    (tmp_path / "models" / "own.yaml").write_text(YAML.format(options=options))
    monkeypatch.setenv("RESHOOT_HOME", str(tmp_path))
    monkeypatch.delenv("RESHOOT_MODELS", raising=False)
    engine, asked = find_engine("vace"), {"generate.model": "two", "generate.loras": ""}
    with pytest.raises(EngineError, match="two are not here"):
        engine.models(asked)
    file = tmp_path / "models" / "two" / "two.safetensors"
    if kind == "lora":
        wan_lora(file, "wan")
    else:
        wan_base(file, whole / "transformer")
    session, frames = made("two")
    _, plain = made("whole", **{"generate.steps": 2, "generate.guidance": 1.0})
    assert frames.shape == plain.shape and not np.array_equal(frames, plain)
    assert session.model.pipe.scheduler.config.flow_shift == 5
    assert ("two:0.5" in session.provenance.settings["loras"]) == (kind == "lora")
    assert engine.models(asked)["two"] == session.provenance.settings["digest"]
