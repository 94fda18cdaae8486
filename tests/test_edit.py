"""Painted key frames: which frames are painted, what they are to look like, and how windows go on from each other."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from pipeline.engines import engine as find_engine
from pipeline.engines.base import Carry, EngineError, EngineFrame, Output, View, Window
from pipeline.engines.device import Device
from pipeline.engines.edit.cost import KleinArchitecture
from pipeline.engines.edit.engine import Edit
from pipeline.engines.edit.klein import Klein
from pipeline.engines.edit.opened import Request
from pipeline.engines.edit.sheets import Sheets, on_paper, working_size
from pipeline.settings import Settings
from tests.engines import CPU, opened, style_of, window_of
from tests.tiny_models import TINY, flux2_klein, tiny_model, tiny_settings
from utils.image import RGB, Size, at_size
from utils.progress import Cancel

pytestmark = pytest.mark.slow

EDIT = Edit()
CARD = Device("cuda", "NVIDIA A40", 46068)
RNG = np.random.default_rng(0)
GROUND, CLOTH = (cv2.resize(RNG.integers(40, 200, (16, 40, 3), np.uint8), (160, 64)) for _ in range(2))


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    tiny_model("edit", folder)
    return folder


@pytest.fixture(autouse=True)
def _here(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RESHOOT_MODELS", str(models))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


def view(index: int, tall: int = 40) -> View:
    """A patterned person before patterned ground, two pixels further to the right in each frame."""
    matte, left = np.zeros((64, 96), np.uint8), 20 + 2 * index
    matte[60 - tall : 60, left : left + 16] = 255
    rgb = GROUND[:, :96].copy()
    rgb[60 - tall : 60, left : left + 16] = CLOTH[:tall, :16]
    return View(index, rgb, matte, np.full((33, 2), np.nan, np.float32))


VIEWS = [view(index) for index in range(12)]


def settings_of(**generate: Any) -> dict[str, Any]:
    changed = {f"generate.{key}": value for key, value in generate.items()}
    return Settings.load(overrides={**tiny_settings("edit"), **changed}).flat()


def session_of(**generate: Any) -> Any:
    return opened(find_engine("edit"), settings_of(**generate))


class Watched:
    """A session, and what it was asked to paint."""

    def __init__(self, **generate: Any) -> None:
        self.session = session_of(**generate)
        self.painted = list[tuple[Sheets, Request]]()
        paint = self.session.model.painted

        def watched(given: Sheets, asked: Request, step: Any) -> Any:
            self.painted.append((given, asked))
            return paint(given, asked, step)

        self.session.model.painted = watched

    def made(self, window: Window) -> tuple[list[EngineFrame], Output]:
        self.painted.clear()
        output = self.session.run(window, Cancel(), lambda share, note: None)
        return list(output.frames), output


@pytest.fixture(scope="module")
def watched(models: Path) -> Watched:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RESHOOT_MODELS", str(models))
        return Watched()


def window(views: Sequence[View] = VIEWS, references: Sequence[RGB] = (), **generate: Any) -> Window:
    return window_of(list(views), settings_of(**generate), style_of(views, *references))


def test_few_frames_are_painted_and_look_at_the_first_of_them(watched: Watched) -> None:
    made, output = watched.made(window())
    assert len(made) == 12 and 2 <= len(watched.painted) < 6
    (first, asked), *later = watched.painted
    assert not first.references
    assert later and all(len(given.references) == 1 for given, _ in later)
    assert all(np.array_equal(given.references[0], later[0][0].references[0]) for given, _ in later)
    assert {request for _, request in watched.painted} == {asked}, "one prompt, one seed"
    assert not output.fallbacks


def test_what_people_painted_stays_and_only_other_keys_are_painted(watched: Watched) -> None:
    """They look at the example, which may be of another window, and not at what is painted first in this one."""
    plain, _ = watched.made(window())
    all_painted, numbers = len(watched.painted), {0, 6}
    given = {index: np.asarray(255 - VIEWS[index].rgb, np.uint8) for index in numbers}
    example = np.full((40, 16, 3), (250, 20, 20), np.uint8)
    made, _ = watched.made(replace(window(), given=given, example=example))
    assert 0 < len(watched.painted) < all_painted
    for sheets, _ in watched.painted:
        (seen,) = sheets.references
        assert (seen == (250, 20, 20)).all(axis=2).any()
        assert not any(np.array_equal(sheets.picture, at_size(VIEWS[index].rgb, Size.of(sheets.picture)))
                       for index in numbers)  # fmt: skip
    for index, picture in given.items():
        inside = VIEWS[index].matte > 127
        assert np.array_equal(made[index].rgb[inside], picture[inside])
        assert not np.array_equal(plain[index].rgb[inside], picture[inside])
    first = watched.session.preview(replace(window(), given=given, example=example), 6)
    assert np.array_equal(first[40:50, 36:44], given[6][40:50, 36:44]), "also as a preview"
    nearby, inside = made[3].rgb.astype(int), VIEWS[3].matte > 127
    assert np.abs(nearby - (255 - VIEWS[3].rgb.astype(int)))[inside].mean() < 12, "carried from both"


def test_a_carried_frame_moves_with_the_person(watched: Watched) -> None:
    """What is painted onto the person in the first key is found where the person is three frames later."""
    made, _ = watched.made(window())
    start, later = made[0].rgb[24:58, 22:34].astype(int), made[3].rgb[24:58, 28:40].astype(int)
    still = made[3].rgb[24:58, 22:34].astype(int)
    assert np.abs(start - later).mean() < 0.5 * np.abs(start - still).mean()


def test_outside_of_the_part_it_is_the_source(watched: Watched) -> None:
    for part in ("person", "background", "both"):
        made, _ = watched.made(window(VIEWS[:3], apply_to=part))
        for each, frame in zip(VIEWS, made, strict=False):
            changed = (frame.rgb != each.rgb).any(axis=2)
            assert (frame.alpha is not None) == (part == "person")
            if part == "person":
                assert frame.alpha is not None and not changed[frame.alpha == 0][: 96 * 10].any()
                assert changed[each.matte > 0].mean() > 0.5
            if part == "background":
                assert changed[each.matte == 0].mean() > 0.5 and changed[30:50, 28 + 2 * each.index].mean() < 0.2
            if part == "both":
                assert changed.mean() > 0.5


def test_a_window_goes_on_from_the_end_of_the_one_before(watched: Watched) -> None:
    """Its first frames are those of the window before, the last of which is its first key; all look at the same one."""
    before, output = watched.made(window(VIEWS[:8]))
    looked_at = watched.painted[-1][0].references[0]
    whole = np.full((64, 96), 255, np.uint8)
    carry = Carry(tuple(each.rgb for each in before[5:]), (whole,) * 3, dict(output.state))
    made, after = watched.made(replace(window(VIEWS[5:]), carry=carry))
    for one, other in zip(before[5:], made, strict=False):
        assert one.alpha is not None and np.array_equal(one.rgb[one.alpha > 0], other.rgb[one.alpha > 0])
    assert watched.painted and all(np.array_equal(given.references[0], looked_at) for given, _ in watched.painted)
    assert np.array_equal(after.state["first_key"], output.state["first_key"])


def test_frames_that_the_window_before_saw_only_in_part_are_painted(watched: Watched) -> None:
    half = np.zeros((64, 96), np.uint8)
    half[:, :36] = 255
    white = np.full((64, 96, 3), 255, np.uint8)
    made, _ = watched.made(replace(window(VIEWS[:5]), carry=Carry((white,) * 2, (half,) * 2)))
    (first, _), *_ = watched.painted
    assert not first.references and np.array_equal(first.picture[:8, :8], Sheets.of(
        VIEWS[0].rgb, VIEWS[0].matte, (), Size.of(first.picture)).picture[:8, :8])  # fmt: skip
    assert made[0].rgb[VIEWS[0].matte > 0].min() < 255


def test_where_nobody_is_nothing_is_painted(watched: Watched) -> None:
    empty = [replace(each, matte=np.zeros_like(each.matte)) for each in VIEWS[:4]]
    made, _ = watched.made(window(empty))
    assert not watched.painted
    assert all(np.array_equal(each.rgb, frame.rgb) for each, frame in zip(empty, made, strict=True))


def test_a_reference_picture_is_shown_to_every_key(watched: Watched) -> None:
    made = {}
    dark, noisy = np.zeros((30, 90, 3), np.uint8), GROUND[:, :40]
    for name, given_ones in {"none": [], "dark": [dark], "noisy": [noisy], "both": [dark, noisy]}.items():
        frames, _ = watched.made(window(VIEWS[:3], given_ones))
        made[name] = frames[0].rgb.tobytes()
        assert [len(given.references) for given, _ in watched.painted] == [len(given_ones), len(given_ones) + 1]
        assert len({Size.of(each) for given, _ in watched.painted for each in (given.picture, *given.references)}) == 1
    assert len(set(made.values())) == 4


def test_a_first_look_is_one_painted_frame(watched: Watched) -> None:
    watched.painted.clear()
    looked = watched.session.preview(window(), 4)
    assert len(watched.painted) == 1
    changed = (looked != VIEWS[4].rgb).any(axis=2)
    assert changed[VIEWS[4].matte > 0].mean() > 0.5 and not changed[:10].any()


def test_a_model_made_without_guidance_says_that_it_is_not_used(watched: Watched) -> None:
    _, output = watched.made(window(VIEWS[:2], guidance=5.0, negative_prompt="rain"))
    assert len(output.fallbacks) == 1 and "without guidance" in output.fallbacks[0]
    assert {asked.guidance for _, asked in watched.painted} == {1.0}


def passes(session: Any, asked: Window) -> int:
    """How often the transformer is asked."""
    forward, calls = session.model.pipe.transformer.forward, list[int]()

    def counting(*args: Any, **named: Any) -> Any:
        calls.append(1)
        return forward(*args, **named)

    session.model.pipe.transformer.forward = counting
    list(session.run(asked, Cancel(), lambda share, note: None).frames)
    session.model.pipe.transformer.forward = forward
    return len(calls)


def test_one_pass_a_step_and_two_where_a_model_takes_guidance(
    watched: Watched, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert passes(watched.session, window(VIEWS[:1], steps=3)) == 3
    folder = flux2_klein(tmp_path / TINY["edit"][1])
    index = json.loads((folder / "model_index.json").read_text())
    (folder / "model_index.json").write_text(json.dumps({**index, "is_distilled": False}))
    monkeypatch.setenv("RESHOOT_MODELS", str(tmp_path))
    other = session_of()
    assert passes(other, window(VIEWS[:1], steps=3)) == 3
    assert passes(other, window(VIEWS[:1], steps=3, guidance=4.0)) == 6


def test_a_model_of_another_family_is_refused(models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = flux2_klein(tmp_path / TINY["edit"][1])
    index = json.loads((folder / "model_index.json").read_text())
    (folder / "model_index.json").write_text(json.dumps({**index, "_class_name": "WanVACEPipeline"}))
    monkeypatch.setenv("RESHOOT_MODELS", str(tmp_path))
    with pytest.raises(EngineError, match="a model for WanVACEPipeline"):
        session_of()


def test_a_lora_changes_what_is_painted(models: Path, watched: Watched) -> None:
    (models / "loras").mkdir()
    torch.manual_seed(1)
    layer = "transformer.transformer_blocks.0.attn.to_q"
    save_file({f"{layer}.lora_A.weight": torch.randn(4, 32), f"{layer}.lora_B.weight": torch.randn(32, 4)},
              models / "loras" / "mine.safetensors")  # fmt: skip
    plain, _ = watched.made(window(VIEWS[:1]))
    changed, _ = Watched(loras="mine").made(window(VIEWS[:1], loras="mine"))
    assert not np.array_equal(plain[0].rgb, changed[0].rgb)


@pytest.mark.parametrize("offload", ["none", "model", "blocks"])
def test_a_processor_keeps_all_in_its_memory(watched: Watched, offload: Any) -> None:
    watched.session.model.place(offload)
    assert {each.device.type for each in watched.session.model.pipe.transformer.parameters()} == {"cpu"}
    assert len(watched.made(window(VIEWS[:1]))[0]) == 1


def test_small_windows_are_painted_larger_and_large_ones_smaller() -> None:
    assert working_size(Size(96, 64), 1 << 20, 16) == (192, 128)
    large = working_size(Size(1920, 1080), 1 << 20, 16)
    assert 0.95 * (1 << 20) < large.area_px <= 1 << 20 and large.width_px % 16 == large.height_px % 16 == 0
    assert working_size(Size(1920, 1080), 1 << 20, 16, 0.5).area_px == pytest.approx(large.area_px / 4, rel=0.05)


def test_a_reference_lies_whole_on_white_paper() -> None:
    sheet = on_paper(np.zeros((10, 40, 3), np.uint8), Size(96, 64))
    assert (sheet == 0).all(axis=2).sum() == 20 * 80 and sheet[0, 0].min() == 255


def test_the_cost_follows_the_checkpoint_the_steps_and_the_length(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = Size(720, 1280)
    tiny = EDIT.estimate({}, size, 81, CARD)
    monkeypatch.setenv("RESHOOT_MODELS", str(tmp_path))
    usual = EDIT.estimate({}, size, 81, CARD)
    assert 0 < tiny.seconds < usual.seconds and tiny.vram_mb < usual.vram_mb
    assert EDIT.estimate({"generate.steps": 40}, size, 81, CARD).seconds > 2 * usual.seconds
    assert EDIT.estimate({}, size, 200, CARD).seconds > 1.8 * usual.seconds
    assert EDIT.estimate({}, size, 81, CPU).vram_mb == 0


def test_its_weights_are_counted_from_the_configuration(models: Path) -> None:
    """But for the layers that read the time, norms and the last one, which are little in a large model."""
    model = Klein.from_folder(models / TINY["edit"][1], torch.device("cpu"), torch.float32).pipe.transformer
    there = sum(each.numel() for each in model.parameters() if each.ndim == 2)
    assert 0.9 < KleinArchitecture.of(model.config).weights / there < 1.1
    assert KleinArchitecture().weights == pytest.approx(4e9, rel=0.05)
