"""Which checkpoint and how many steps presets mean for each engine with a model, by the weights that are here."""

from collections.abc import Callable
from functools import partial
from itertools import pairwise
from pathlib import Path

import pytest

from pipeline.engines import engines
from pipeline.engines.device import Device
from pipeline.engines.effort import CHECKPOINTS
from pipeline.engines.meant import Meant, meant
from pipeline.engines.weights import readiness
from pipeline.models.registry import Registry
from pipeline.restyle.estimate import estimates
from pipeline.settings import Settings, presets
from tests.empty_weights import empty_weights

EFFORTS = ("low", "usual", "high")
ALL = ("wan-vace-1.3b", "wan-vace-14b-few-steps", "sd-1.5-lcm", "sd-1.5", "flux2-klein-4b", "bernini-r-1.3b")


@pytest.fixture
def bring(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Brings checkpoints to a machine that has none."""
    for name, folder in (("RESHOOT_MODELS", "models"), ("RESHOOT_HOME", "home"), ("HF_HOME", "hub")):
        monkeypatch.setenv(name, str(tmp_path / folder))
    return partial(empty_weights, tmp_path / "models")


def meanings(engine: str) -> list[str]:
    """What the presets mean for an engine, the fastest first."""
    return [str(meant(engine, Settings.load(name).flat())) for name in presets()]


def test_the_checkpoints_of_an_effort_are_choices_of_their_engine(tmp_path: Path) -> None:
    registry = Registry.load(tmp_path)
    assert set(CHECKPOINTS) == {engine.name for engine in engines() if "generate.effort" in engine.settings}
    for engine, wanted in CHECKPOINTS.items():
        known = {model.name for model in registry.choices(engine)}
        assert set(wanted) == set(EFFORTS) and wanted["usual"]
        assert {name for names in wanted.values() for name in names} <= known
        assert not {"sd-1.5-pose", "sdxl-lcm-lora"} & known, "a part alone makes no picture"


def test_each_preset_means_what_its_engine_does_best_with_so_much_time(bring: Callable[..., None]) -> None:
    bring(*ALL)
    assert meanings("restyle") == ["None"] * 3
    assert meanings("vace") == [
        "wan-vace-14b-few-steps, 4 steps, no guidance",
        "wan-vace-1.3b, 50 steps, a guidance of 5",
        "wan-vace-14b, 50 steps, a guidance of 5",
    ]
    few = "sd-1.5-lcm, 4 steps, no guidance"
    assert meanings("controlnet") == [few, few, "sd-1.5, 20 steps, a guidance of 6"]
    klein = "flux2-klein-4b, 4 steps, no guidance"
    assert meanings("edit") == [klein] * 3
    bring("qwen-image-edit")
    assert meanings("edit") == [klein, klein, "qwen-image-edit, 40 steps, a guidance of 4"]
    steps = ("20 steps", "40 steps", "40 steps")
    assert meanings("bernini") == [f"bernini-r-1.3b, {each}, a guidance of 4" for each in steps]


def test_a_preset_names_no_weights_that_are_not_here(bring: Callable[..., None]) -> None:
    """Nor does it ask to fetch others than the usual ones where there are none."""
    half, whole = "wan-vace-1.3b, 25 steps, a guidance of 5", "wan-vace-1.3b, 50 steps, a guidance of 5"
    assert meanings("vace") == [half, whole, whole] and not readiness("wan-vace-1.3b").ready
    bring("wan-vace-1.3b", "sdxl")
    assert meanings("vace") == [half, whole, whole]
    assert meanings("controlnet") == ["sdxl, 10 steps, a guidance of 6", *["sdxl, 20 steps, a guidance of 6"] * 2]


def test_what_a_person_names_counts_before_every_preset(bring: Callable[..., None]) -> None:
    bring(*ALL)
    for name in presets():
        assert Settings.load(name).generate.model == "" and Settings.load(name).generate.steps == 0
        mine = {"generate.model": "wan-vace-14b", "generate.steps": 30, "generate.guidance": 1.0}
        assert meant("vace", Settings.load(name, mine).flat()) == Meant("wan-vace-14b", 30, 1.0)
        high = Settings.load(name, {"generate.effort": "high"}).flat()
        assert meant("vace", high) == Meant("wan-vace-14b", 50, 5.0)
        saved = Settings.load(name, saved={"generate.effort": "low"}).flat()
        assert meant("vace", saved) == Meant("wan-vace-14b-few-steps", 4, 1.0)
    assert meant("vace", {"generate.model": "wan-vace-14b", "generate.effort": "low"}) == Meant("wan-vace-14b", 25, 5.0)


@pytest.mark.parametrize("weights", [(), ("wan-vace-1.3b",), ALL])
def test_estimates_follow_what_presets_mean(
    bring: Callable[..., None], monkeypatch: pytest.MonkeyPatch, weights: tuple[str, ...]
) -> None:
    bring(*weights)
    monkeypatch.setattr("pipeline.restyle.estimate.this_device", lambda: Device("cuda", "NVIDIA H100", 80_000))
    clip = {"width": 1280, "height": 720, "frames": 300}
    usual = estimates(clip, settings={"generate.engine": "vace"})
    assert all(one.seconds < other.seconds for one, other in pairwise(usual.values()))
    assert (usual["quality"].vram_mb > 2 * usual["balanced"].vram_mb) == (weights == ALL)
    high = estimates(clip, settings={"generate.engine": "vace", "generate.effort": "high"})
    assert high["fast"].vram_mb == usual["quality"].vram_mb, "what a person chooses is estimated"
