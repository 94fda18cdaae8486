"""Reference pictures for ControlNet: fetched and loaded only where one is given, read once, and gone without one."""

import gc
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import UNet2DConditionModel
from transformers import CLIPVisionModelWithProjection

from pipeline.engines import engine as find_engine
from pipeline.engines.base import EngineError, View
from pipeline.engines.diffusion import card
from pipeline.make.controls import controls
from pipeline.settings import Settings
from tests.engines import opened, style_of, window_of
from tests.tiny_models import TEXT, tiny_settings
from tests.tiny_sd import IP_ADAPTERS, ip_adapter, sd_lora, stable_diffusion
from utils.image import RGB
from utils.progress import Cancel
from utils.walker import Shot, walk

pytestmark = pytest.mark.slow

ENGINE = find_engine("controlnet")
VIEWS = [
    View(truth.index, rgb, truth.matte, truth.keypoints.astype(np.float32))
    for rgb, truth in walk(Shot(size=(96, 64), frames=1))
]
RED, BLUE = (np.full((40, 20, 3), colour, np.uint8) for colour in ((255, 0, 0), (0, 0, 255)))
XL = {"model": "sdxl-lcm"}


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    for name in ("sd-1.5-lcm", "sdxl-lcm"):
        stable_diffusion(folder / name, TEXT, xl="xl" in name)
    sd_lora(folder / "loras" / "mine.safetensors")
    return folder


@pytest.fixture(autouse=True)
def _here(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RESHOOT_MODELS", str(models))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


def settings_of(**changed: Any) -> dict[str, Any]:
    more = {f"generate.{key}": value for key, value in changed.items()}
    return Settings.load(overrides={**tiny_settings("controlnet"), **more}).flat()


def session_of(**changed: Any) -> Any:
    return opened(ENGINE, settings_of(**changed))


def made(session: Any, *references: RGB, **changed: Any) -> np.ndarray[Any, Any]:
    window = window_of(VIEWS, settings_of(**changed), style_of(VIEWS, *references))
    window = replace(window, controls=controls({"pose"}, lambda: iter(VIEWS)))
    output = session.run(window, Cancel(), lambda share, note: None)
    return np.asarray([frame.rgb for frame in output.frames], np.float64)


@pytest.mark.parametrize("family", [{}, XL], ids=["sd-1.5", "sdxl"])
def test_the_picture_counts_as_much_as_it_is_asked_to(family: dict[str, Any]) -> None:
    session = session_of(**family)
    plain = made(session, **family)
    away = [np.abs(made(session, RED, reference_strength=each, **family) - plain).mean() for each in (0.0, 0.1, 0.5)]
    assert away[0] == 0 < away[1] < away[2]
    red, blue, both = (made(session, *each, **family) for each in ([RED], [BLUE], [RED, BLUE]))
    assert not np.array_equal(red, blue) and not np.array_equal(red, both) and not np.array_equal(blue, both)
    guided, other = (made(session, each, guidance=3.0, **family) for each in (RED, BLUE))
    assert not np.array_equal(guided, other) and not np.array_equal(guided, red)
    assert np.array_equal(made(session, **family), plain), "nothing of it stays"


def test_a_picture_is_looked_at_once_and_the_encoder_is_gone() -> None:
    session = session_of()
    assert not hasattr(next(iter(session.model.pipe.unet.attn_processors.values())), "to_k_ip")
    made(session)
    assert session.model.references.encoded == 0
    for seed in (1, 2):
        made(session, RED, RED.copy(), seed=seed)
    assert session.model.references.encoded == 1
    gc.collect()
    assert not [each for each in gc.get_objects() if issubclass(type(each), CLIPVisionModelWithProjection)]


def test_a_lora_and_a_picture_go_together() -> None:
    session = session_of(loras="mine")
    both = made(session, RED, loras="mine")
    assert not np.array_equal(both, made(session, loras="mine")), "the picture counts"
    assert not np.array_equal(both, made(session_of(), RED)), "and so does the LoRA"


def test_in_half_and_in_full_precision(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(card, "precision", lambda place: torch.bfloat16)
    session = session_of()
    half = made(session, RED)
    assert session.model.to_full_precision()
    full = made(session, RED)
    assert 0 < np.abs(full - half).mean() < np.abs(full - made(session)).mean()


def test_it_is_named_before_a_run_that_wants_it(models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = {**settings_of(), "generate.reference": "picture.png"}
    assert set(ENGINE.models(asked)) == {"sd-1.5-lcm", "ip-adapter-sd-1.5"}
    assert set(ENGINE.models({**asked, "generate.reference_strength": 0.0})) == {"sd-1.5-lcm"}
    shutil.copytree(models, tmp_path, dirs_exist_ok=True)
    shutil.rmtree(tmp_path / "ip-adapter-encoder")
    monkeypatch.setenv("RESHOOT_MODELS", str(tmp_path))
    assert ENGINE.probe().ready and set(ENGINE.models(settings_of())) == {"sd-1.5-lcm"}
    with pytest.raises(EngineError) as caught:
        ENGINE.models(asked)
    assert "ip-adapter-encoder" in caught.value.problem and "models fetch ip-adapter-sd-1.5" in caught.value.remedy


def test_an_adapter_is_checked_and_may_read_one_vector_of_a_picture(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(models, tmp_path, dirs_exist_ok=True)
    monkeypatch.setenv("RESHOOT_MODELS", str(tmp_path))
    unet = UNet2DConditionModel.from_pretrained(tmp_path / "sdxl-lcm" / "unet", variant="fp16", local_files_only=True)
    ip_adapter(tmp_path / "ip-adapter-sdxl" / IP_ADAPTERS[1], unet, reads_patches=False)
    session = session_of(**XL)
    red, blue, plain = made(session, RED, **XL), made(session, BLUE, guidance=3.0, **XL), made(session, **XL)
    assert not np.array_equal(red, plain) and not np.array_equal(blue, plain)
    ip_adapter(tmp_path / "ip-adapter-sd-1.5" / IP_ADAPTERS[0], unet)
    with pytest.raises(EngineError, match="is for another model"):
        made(session_of(), RED)
