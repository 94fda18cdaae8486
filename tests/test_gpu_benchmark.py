"""The benchmark of graphics cards, with tiny models on a processor, in a Python that has nothing but what it needs."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import (
    AutoencoderKL,
    AutoencoderKLFlux2,
    AutoencoderKLQwenImage,
    AutoencoderKLWan,
    Flux2Transformer2DModel,
    QwenImageTransformer2DModel,
    WanTransformer3DModel,
    WanVACETransformer3DModel,
)
from transformers import (
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
    Qwen3Config,
    Qwen3ForCausalLM,
    UMT5Config,
    UMT5EncoderModel,
)

from benchmarks.gpu_bernini import BERNINI_1_3B, BERNINI_14B
from benchmarks.gpu_cases import CASES, SMALL
from benchmarks.gpu_controlnet import SD_15, SDXL
from benchmarks.gpu_edit import KLEIN_4B, QWEN_20B
from benchmarks.gpu_vace import VACE_1_3B, VACE_14B
from pipeline.models.registry import Registry
from utils.project import PROJECT_ROOT

pytestmark = pytest.mark.slow

HIDDEN = """
import sys
from importlib.machinery import PathFinder

HIDDEN = {"mediapipe", "gradio", "av", "numba", "scipy", "blake3", "pydantic", "dbos", "sqlalchemy", "typer", "fastapi",
          "peft", "controlnet_aux", "sentencepiece", "pynvml", "torchvision"}

class Found(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return None if name.partition(".")[0] in HIDDEN else PathFinder.find_spec(name, path, target)

sys.meta_path[sys.meta_path.index(PathFinder)] = Found
from benchmarks.gpu import main

main(sys.argv[1:])
"""
"""The benchmark where none of these packages can be found."""


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, list[dict[str, Any]], list[dict[str, Any]]]:
    """What it printed, its rows, and what estimates would learn from it."""
    folder = tmp_path_factory.mktemp("gpu")
    out, costs = folder / "gpu.jsonl", folder / "costs.jsonl"
    command = [sys.executable, "-c", HIDDEN, "--small", "--out", str(out), "--costs", str(costs)]
    child = subprocess.run(command, cwd=PROJECT_ROOT, capture_output=True, text=True)
    assert child.returncode == 0, child.stderr
    return child.stdout, lines(out), lines(costs)


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


Ran = tuple[str, list[dict[str, Any]], list[dict[str, Any]]]


def test_every_part_of_a_call_is_timed(ran: Ran) -> None:
    _, rows, _ = ran
    assert [row["model"] for row in rows] == [case.name for case in SMALL]
    for row in rows:
        parts = [row[f"{name}_s"] for name in ("prompt", "open", "encode", "step", "decode", "call")]
        assert all(seconds > 0 for seconds in parts)
        assert row["encode_s"] + row["step_s"] + row["decode_s"] < row["call_s"]
        assert row["finite"] and row["card"] == "processor" and row["peak_card_mb"] is None


def test_whole_calls_are_extrapolated_and_say_so(ran: Ran) -> None:
    text, rows, _ = ran
    for row, case in zip(rows, SMALL, strict=True):
        around = row["encode_s"] + row["decode_s"]
        for name, steps in case.whole.items():
            assert row["extrapolated_s"][name] == pytest.approx(around + steps * row["step_s"], abs=0.06)
            assert f"{name} (extrapolated)" in text


def test_five_jobs_hold_no_more_than_one(ran: Ran) -> None:
    _, rows, _ = ran
    for row in rows:
        held = row["held_mb"]
        assert len(held) == 5 and set(held) == {held[0]} and held[0] > 0


def test_what_was_measured_serves_estimates(ran: Ran) -> None:
    _, rows, costs = ran
    assert len(costs) == len(rows)
    for cost, row in zip(costs, rows, strict=True):
        passes = 4 if row["model"] in ("sd-1.5-small", "sdxl-small") else 2
        assert (cost["model"], cost["frames"], cost["steps"], cost["passes"]) == (
            row["model"],
            row["frames"],
            2,
            passes,
        )
        assert cost["seconds"] == row["call_s"]


def test_what_is_measured_serves_checkpoints_that_there_are(tmp_path: Path) -> None:
    registry = Registry.load(tmp_path)
    assert all(registry.model(case.name).family.engine == case.engine for case in CASES)


def test_full_sizes_have_the_published_number_of_weights() -> None:
    with torch.device("meta"):  # tensors that take no memory
        made = {
            "Stable Diffusion 1.5": (SD_15.unet(), 860e6),
            "control network of 1.5": (SD_15.net(), 361e6),
            "VAE of 1.5": (AutoencoderKL(**SD_15.vae), 83.7e6),
            "text encoder of 1.5": (SD_15.encoder(0), 123e6),
            "SDXL": (SDXL.unet(), 2.57e9),
            "control network of SDXL": (SDXL.net(), 1.25e9),
            "second text encoder of SDXL": (SDXL.encoder(1), 695e6),
            "FLUX.2 klein 4B": (Flux2Transformer2DModel(**KLEIN_4B.transformer), 3.88e9),
            "VAE of FLUX.2": (AutoencoderKLFlux2(**KLEIN_4B.vae), 84e6),
            "Qwen3-4B": (Qwen3ForCausalLM(Qwen3Config(**KLEIN_4B.text)), 4.02e9),
            "Qwen-Image-Edit": (QwenImageTransformer2DModel(**QWEN_20B.transformer), 20.4e9),
            "VAE of Qwen-Image": (AutoencoderKLQwenImage(**QWEN_20B.vae), 127e6),
            "Qwen2.5-VL-7B": (Qwen2_5_VLForConditionalGeneration(Qwen2_5_VLConfig(**QWEN_20B.text)), 8.29e9),
            "Wan VACE 1.3B": (WanVACETransformer3DModel(**VACE_1_3B.transformer), 2.15e9),
            "Wan VACE 14B": (WanVACETransformer3DModel(**VACE_14B.transformer), 17.3e9),
            "Bernini-R 1.3B": (WanTransformer3DModel(**BERNINI_1_3B.transformer), 1.419e9),
            "an expert of Bernini-R 14B": (WanTransformer3DModel(**BERNINI_14B.transformer), 14.29e9),
            "UMT5-XXL": (UMT5EncoderModel(UMT5Config(**VACE_14B.text)), 5.68e9),
            "VAE of Wan": (AutoencoderKLWan(**VACE_14B.vae), 127e6),
        }
    for name, (part, published) in made.items():
        assert weights(part) == pytest.approx(published, rel=0.005), name


def weights(part: torch.nn.Module) -> int:
    return sum(each.numel() for each in part.parameters())
