"""Depth as what leads an engine: loaded strictly, one scale for a window, and asked for before anything is computed."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from pipeline.engines import engine as find_engine
from pipeline.engines.base import EngineError, View
from pipeline.engines.diffusion.depth import NAME, nearness
from pipeline.engines.vace.engine import DEPTH
from pipeline.guide.kind import KIND as GUIDE
from pipeline.guide.plan import GuidePlan, Structure
from pipeline.guide.story import make_guide
from pipeline.make.controls import controls
from pipeline.settings import Settings
from pipeline.stage import RunContext
from tests.engines import opened, window_of
from tests.panned import panned
from tests.tiny_models import depth_anything, tiny_model, tiny_settings
from utils.image import Size
from utils.media.timebase import Span
from utils.progress import Cancel
from utils.store import Store
from utils.walker import Shot, walk

pytestmark = pytest.mark.slow

SIZE, SIZE_EVEN = Size(97, 67), Size(96, 64)


@pytest.fixture(scope="module")
def views() -> list[View]:
    return [
        View(truth.index, rgb, truth.matte, truth.keypoints.astype(np.float32))
        for rgb, truth in walk(Shot(size=SIZE, frames=9))
    ]


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RESHOOT_MODELS", str(tmp_path))
    return tmp_path


def test_the_scale_is_that_of_the_whole_window(models: Path, views: list[View]) -> None:
    """A frame that is darker or nearer than the others shows so; frame by frame each would reach black and white."""
    depth_anything(models / NAME)
    draw = controls(("depth",), lambda: iter(views))["depth"]
    drawn = [draw(view)[..., 0] for view in views]
    near = np.stack(nearness(view.rgb for view in views))
    assert {each.shape for each in drawn} == {(67, 97)} and {each.dtype.name for each in drawn} == {"uint8"}
    assert np.ptp(np.stack(drawn)) > 200
    means = [each.mean() for each in near]
    assert np.corrcoef(means, [each.mean() for each in drawn])[0, 1] > 0.99
    low, high = np.percentile(near, (1, 99))
    assert np.abs(np.mean(drawn[4]) - 255 * np.clip((near[4] - low) / (high - low), 0, 1).mean()) < 8


def test_each_view_is_looked_at_once(models: Path, views: list[View]) -> None:
    depth_anything(models / NAME)
    looked = list[int]()

    def looking() -> "list[View]":
        looked.extend(view.index for view in views)
        return views

    draw = controls(("depth",), lambda: iter(looking()))["depth"]
    pictures = [draw(view) for view in [*views, *views]]
    assert looked == list(range(9)) and np.array_equal(pictures[0], pictures[9])


def test_what_fills_a_window_up_is_drawn_at_its_size(models: Path, views: list[View]) -> None:
    depth_anything(models / NAME)
    draw = controls(("depth",), lambda: iter(views))["depth"]
    rgb = np.zeros((80, 112, 3), np.uint8)
    filled = draw(replace(views[-1], index=12, rgb=rgb))
    assert filled.shape == rgb.shape and np.array_equal(filled[:67, :97], draw(views[-1]))
    assert (filled[:, 97:] == filled[:, 96:97]).all()


def test_weights_that_are_missing_are_told_first(models: Path, views: list[View]) -> None:
    tiny_model("vace", models)
    asked = Settings.load(overrides={**tiny_settings("vace"), "generate.control": "depth"}).flat()
    with pytest.raises(EngineError) as caught:
        find_engine("vace").models(asked)
    assert f"{DEPTH} are not here" in caught.value.problem and f"models fetch {DEPTH}" in caught.value.remedy
    folder = depth_anything(models / DEPTH)
    assert len(find_engine("vace").models(asked)) == 2
    weights = load_file(folder / "model.safetensors")
    head = next(name for name in weights if name.startswith("head."))
    for spoiled in ({name: each for name, each in weights.items() if name != head}, {**weights, head: torch.zeros(3)}):
        save_file(spoiled, folder / "model.safetensors", {"format": "pt"})
        with pytest.raises(EngineError, match=f"{folder}"):
            nearness([views[0].rgb])
    (folder / "preprocessor_config.json").write_text("[")
    with pytest.raises(EngineError, match=r"preprocessor_config.json"):
        nearness([views[0].rgb])


def test_depth_leads_the_model(models: Path, views: list[View]) -> None:
    tiny_model("vace", models)
    depth_anything(models / DEPTH)
    made = []
    for control in ("depth", "pose"):
        asked = Settings.load(overrides={**tiny_settings("vace"), "generate.control": control}).flat()
        engine = find_engine("vace")
        drawn = controls(engine.caps.controls, lambda: iter(views))
        window = replace(window_of(views, asked), controls=drawn)
        output = opened(engine, asked).run(window, Cancel(), lambda share, note: None)
        made.append(np.stack([frame.rgb for frame in output.frames]))
    assert made[0].shape == (9, 67, 97, 3) and not np.array_equal(made[0], made[1])


def test_a_guide_of_depth_asks_for_its_weights_before_anything_is_found(models: Path, tmp_path: Path) -> None:
    clip = panned(tmp_path / "pan.mp4", SIZE_EVEN, [(2, 0)] * 4)
    structure = Structure(clip, Span(0, 5), clip.span, type="depth")
    plan = GuidePlan(SIZE_EVEN, Fraction(24), 5, (structure,))
    context = RunContext(Store(tmp_path / "cache"), GUIDE.settings.load("", {}).flat())
    with pytest.raises(EngineError, match=NAME):
        make_guide(plan, context)
    depth_anything(models / NAME)
    pictures = np.stack(list(make_guide(plan, context).guide.pictures(Span(0, 5))))
    assert pictures.shape == (5, 64, 96, 3) and np.ptp(pictures) > 200
    assert np.array_equal(pictures[..., 0], pictures[..., 2])
