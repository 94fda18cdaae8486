"""LoRAs in the forms in which people find them, and those that are refused."""

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.engines import engine as find_engine
from pipeline.engines.base import EngineError
from pipeline.engines.diffusion.lora import digests, loras
from pipeline.models.places import Places
from pipeline.settings import Settings
from tests.engines import opened, window_of
from tests.test_vace_conditioning import view
from tests.tiny_models import tiny_model, tiny_settings, wan_lora
from utils.image import RGB
from utils.progress import Cancel

pytestmark = pytest.mark.slow

KEYS = ("diffusers", "wan", "kohya")


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    tiny_model("vace", folder)
    for keys in (*KEYS, "other"):
        wan_lora(folder / "loras" / f"{keys}.safetensors", keys)
    wan_lora(folder / "loras" / "wide.safetensors", "diffusers", width=48)
    return folder


@pytest.fixture(autouse=True)
def _here(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RESHOOT_MODELS", str(models))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


def frame(chosen: str, **changed: Any) -> RGB:
    """A frame that is made with some LoRAs."""
    settings = Settings.load(overrides={**tiny_settings("vace"), "generate.loras": chosen, **changed}).flat()
    session = opened(find_engine("vace"), settings)
    (made,) = session.run(window_of([view(0)], settings), Cancel(), lambda share, note: None).frames
    return made.rgb


def refusal(chosen: str, places: Places | None = None) -> EngineError:
    with pytest.raises(EngineError) as caught:
        frame(chosen) if places is None else loras(chosen, places)
    assert caught.value.problem.endswith(".") and caught.value.remedy.endswith(".")
    return caught.value


def test_each_form_of_keys_changes_the_picture_alike() -> None:
    plain = frame("")
    made = [frame(keys) for keys in KEYS]
    assert not np.array_equal(made[0], plain)
    assert all(np.abs(each.astype(int) - made[0]).max() <= 1 for each in made[1:])


def test_its_weight_counts() -> None:
    plain, none, half, whole = (frame(chosen) for chosen in ("", "wan:0", "wan:0.5", "wan:1"))
    assert np.array_equal(plain, none)
    assert not np.array_equal(half, whole) and not np.array_equal(half, plain)


def test_a_lora_of_another_model_is_refused() -> None:
    assert "48 x 48, here it is 24 x 24" in refusal("wide").problem
    assert "another kind of model" in refusal("other").problem


def test_a_lora_with_half_of_its_layers_is_told_in_a_sentence(models: Path) -> None:
    from safetensors.torch import load_file, save_file

    weights = load_file(models / "loras" / "kohya.safetensors")
    save_file(
        {name: each for name, each in weights.items() if "ffn" not in name}, models / "loras" / "half.safetensors"
    )
    assert "not understood" in refusal("half").problem


@pytest.mark.parametrize(
    ("chosen", "told"),
    [
        ("gone", "gone is not here"),
        ("../../etc/passwd", "not the name"),
        ("/tmp/x", "not the name"),
        ("wan:much", "no weight"),
        ("wan:99", "no weight"),
        ("wan:nan", "no weight"),
        ("wan, wan:0.3", "twice"),
        (",".join(f"l{n}" for n in range(3)), "l0 is not here"),
    ],
)
def test_a_wrong_list_is_told_in_a_sentence(models: Path, tmp_path: Path, chosen: str, told: str) -> None:
    assert told in refusal(chosen, Places.usual(tmp_path)).problem


@pytest.mark.parametrize("content", [b"", b"\x80\x02}q\x00.", struct.pack("<Q", 1 << 40) + b"{}"])
def test_a_file_that_is_none_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "loras").mkdir()
    (tmp_path / "loras" / "bad.safetensors").write_bytes(content)
    assert "bad.safetensors" in str(refusal("bad", Places.usual(tmp_path, tmp_path)))


def test_its_content_is_part_of_the_cache_key(models: Path, tmp_path: Path) -> None:
    places = Places.usual(tmp_path, tmp_path)
    path = wan_lora(tmp_path / "loras" / "mine.safetensors", "wan")
    first = digests("mine:0.5", places)
    assert list(first) == ["loras/mine"] and len(first["loras/mine"]) == 64
    path.unlink()
    wan_lora(path, "wan", strength=1.0)
    assert digests("mine", places) != first
    settings = {"generate.model": "", "generate.loras": "wan"}
    assert set(find_engine("vace").models(settings)) == {"wan-vace-1.3b", "loras/wan"}


def test_what_was_loaded_stands_in_the_provenance() -> None:
    settings = Settings.load(overrides={**tiny_settings("vace"), "generate.loras": "wan, kohya:0.25"}).flat()
    told = opened(find_engine("vace"), settings).provenance.settings
    assert told["loras"] == "wan:1, kohya:0.25"
    assert json.dumps(dict(told))
