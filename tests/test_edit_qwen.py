"""Qwen-Image-Edit in the engine `edit`: what its text encoder is shown, how it paints, and what it takes."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import numpy as np
import pytest
import torch
from diffusers import AutoencoderKLQwenImage, QwenImageEditPlusPipeline, QwenImageTransformer2DModel
from diffusers.pipelines.qwenimage import pipeline_qwenimage_edit_plus as library
from PIL import Image
from transformers import Qwen2VLProcessor, Qwen2VLVideoProcessor

from pipeline.engines.base import Output, View, Window
from pipeline.engines.diffusion.opening import Room
from pipeline.engines.edit.cost import KleinArchitecture, QwenArchitecture, architecture
from pipeline.engines.edit.engine import Edit
from pipeline.engines.edit.opened import Request
from pipeline.engines.edit.opening import first_attempt
from pipeline.engines.edit.qwen import Qwen
from pipeline.engines.edit.qwen_reading import Shown, ShownInstructions
from pipeline.engines.edit.sheets import Sheets
from pipeline.settings import Settings
from tests.engines import opened, window_of
from tests.test_edit import CARD, VIEWS, view
from tests.tiny_models import tiny_model, tiny_settings
from tests.tiny_qwen import lightning
from utils.image import Size
from utils.memory import budget_mb
from utils.progress import Cancel

pytestmark = pytest.mark.slow

RNG = np.random.default_rng(0)
PICTURE, REFERENCE = (RNG.integers(0, 255, (64, 64, 3), np.uint8) for _ in range(2))
WHOLE = np.full((64, 64), 255, np.uint8)
ASKED = Request("a red raincoat", "rain", steps=3, guidance=3.0, seed=5)
EDIT = Edit()


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The model, and beside it what makes few steps of it enough."""
    folder = tmp_path_factory.mktemp("models")
    tiny_model("qwen", folder)
    (folder / "qwen-image-edit-few-steps").symlink_to(folder / "qwen-image-edit")
    lightning(folder / "qwen-image-edit-lightning")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RESHOOT_MODELS", str(folder))
        patch.setenv("HF_HUB_OFFLINE", "1")
        yield folder


@pytest.fixture(scope="module")
def session(models: Path) -> Any:
    return session_of()


@pytest.fixture
def load(session: Any, monkeypatch: pytest.MonkeyPatch) -> Mock:
    """Loads the text encoder, and counts how often."""
    load = Mock(wraps=session.model.prompts.load)
    monkeypatch.setattr(session.model.prompts, "load", load)
    return load


def settings_of(**generate: Any) -> dict[str, Any]:
    changed = {f"generate.{key}": value for key, value in generate.items()}
    return Settings.load(overrides={**tiny_settings("qwen"), **changed}).flat()


def session_of(**generate: Any) -> Any:
    return opened(EDIT, settings_of(**generate))


def window(views: list[View] = VIEWS, **generate: Any) -> Window:
    return window_of(views, settings_of(**generate))


def made(session: Any, asked: Window) -> Output:
    output: Output = session.run(asked, Cancel(), lambda share, note: None)
    list(output.frames)
    return output


def painted(session: Any, given: Sheets, asked: Request = ASKED) -> Any:
    return session.model.painted(given, asked, lambda done: None)


def test_without_a_mask_it_paints_what_the_pipeline_of_the_library_does(
    session: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = Sheets(PICTURE, WHOLE, (REFERENCE,))
    monkeypatch.setattr(library, "VAE_IMAGE_SIZE", 64 * 64)
    prompt, not_wanted = session.model.read(ASKED, given)
    session.model.pipe.set_progress_bar_config(disable=True)
    expected = session.model.pipe(
        image=[Image.fromarray(each) for each in (PICTURE, REFERENCE)],
        prompt_embeds=prompt,
        negative_prompt_embeds=not_wanted,
        true_cfg_scale=ASKED.guidance,
        num_inference_steps=ASKED.steps,
        generator=torch.Generator("cpu").manual_seed(ASKED.seed),
        height=64,
        width=64,
        output_type="np",
    ).images[0]
    assert np.abs(painted(session, given) - expected).max() < 1e-3 < expected.std()


def test_what_is_read_is_what_the_library_reads_when_it_knows_which_tokens_are_pictures(
    session: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    (words, patches), encoder = session.model.prompts.load()
    processor = Qwen2VLProcessor(patches, words, Qwen2VLVideoProcessor())
    pipe = QwenImageEditPlusPipeline(None, None, encoder, words, processor, None)
    shown = Shown.of(ASKED.prompt, Sheets(PICTURE, WHOLE, (REFERENCE,)))
    forward = encoder.forward

    def told(input_ids: torch.Tensor, **named: Any) -> Any:
        kinds = (input_ids == encoder.config.image_token_id).int()
        return forward(input_ids=input_ids, mm_token_type_ids=kinds, **named)

    pictures = [Image.fromarray(each) for each in shown.pictures]
    with torch.no_grad():
        untold, _ = pipe._get_qwen_prompt_embeds(shown.text, pictures, torch.device("cpu"))
        monkeypatch.setattr(encoder, "forward", told)
        expected, _ = pipe._get_qwen_prompt_embeds(shown.text, pictures, torch.device("cpu"))
    (read,) = session.model.prompts.numbers(shown)
    assert torch.allclose(read, expected, atol=1e-5)
    assert read.shape == untold.shape and not torch.allclose(read, untold, atol=1e-5)


def test_pictures_reach_the_text_encoder_once_and_those_of_a_window_together(session: Any, load: Mock) -> None:
    """The first key of a clip has no picture to look like, so it is read before the others of its window."""
    read, nearer = session.model.prompts.encoded, [view(index, tall=16 + 3 * index) for index in range(12)]
    keys = len(made(session, window(nearer)).calls)
    assert keys > 2 and (load.call_count, session.model.prompts.encoded - read) == (2, keys)
    made(session, window(nearer))
    session.preview(window(nearer, seed=2), 0)
    assert load.call_count == 2, "another seed for the first frame asks nothing new"
    session.preview(window(nearer, prompt="a knight in armour"), 0)
    assert load.call_count == 3


def test_guidance_doubles_the_passes_and_reads_what_is_not_wanted(
    session: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    forward, said = session.model.pipe.transformer.forward, list[torch.Tensor]()

    def watched(**named: Any) -> Any:
        said.append(named["encoder_hidden_states"])
        return forward(**named)

    monkeypatch.setattr(session.model.pipe.transformer, "forward", watched)
    plain = painted(session, Sheets(PICTURE, WHOLE), Request("rain", "", steps=3, guidance=1.0, seed=0))
    assert len(said) == 3
    guided = painted(session, Sheets(PICTURE, WHOLE), Request("rain", "snow", steps=3, guidance=4.0, seed=0))
    assert len(said) == 9 and torch.equal(said[0], said[3]) and not torch.equal(said[3], said[4])
    assert not np.array_equal(plain, guided)


def test_outside_of_the_mask_the_latents_are_those_of_the_source(session: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    decode = Mock(wraps=session.model.pipe.vae.decode)
    monkeypatch.setattr(session.model.pipe.vae, "decode", decode)
    mask = np.zeros((64, 64), np.uint8)
    mask[20:40, 8:21] = 255
    painted(session, Sheets(PICTURE, mask))
    painted(session, Sheets(PICTURE, np.zeros_like(mask)))
    latents, source = (call.args[0] for call in decode.call_args_list)
    changed = (latents - source)[0, :, 0].abs().amax(dim=0).numpy() > 1e-4
    expected = np.zeros((8, 8), bool)
    expected[2:5, 1:3] = True
    assert np.array_equal(changed, expected), "cells of 8 pixels, each of which the mask touches"


def test_marks_of_a_conversation_in_a_prompt_are_plain_text(session: Any) -> None:
    marked = Shown.of("<|image_pad|><|im_end|>{} a red raincoat", Sheets(PICTURE, WHOLE))
    assert torch.isfinite(session.model.prompts.numbers(marked)[0]).all()


def test_few_steps_take_a_lora_and_another_shift(models: Path) -> None:
    few = session_of(model="qwen-image-edit-few-steps", steps=0, guidance=0.0)
    assert few.provenance.settings["loras"] == "qwen-image-edit-lightning:1"
    noisy = list[float]()
    scheduler = few.model._scheduler

    def watched(asked: Request, tokens: int) -> Any:
        own = scheduler(asked, tokens)
        noisy.extend(own.sigmas)
        return own

    few.model._scheduler = watched
    (call,) = made(few, window(VIEWS[:1], model="qwen-image-edit-few-steps", steps=0, guidance=0.0)).calls
    assert (call.steps, call.passes) == (4, 4)
    assert noisy == pytest.approx([1.0, 0.9, 0.75, 0.5, 0.0])
    given = Sheets(PICTURE, WHOLE)
    assert np.abs(painted(few, given) - painted(session_of(), given)).max() > 0.01


def test_how_much_of_it_is_on_the_card_follows_from_its_size() -> None:
    with torch.device("meta"):  # tensors that take no memory
        parts = {"transformer": QwenImageTransformer2DModel(), "vae": AutoencoderKLQwenImage()}
    pipe = SimpleNamespace(**{name: part.to(torch.bfloat16) for name, part in parts.items()})
    place = torch.device("cuda")
    model = Qwen(pipe, ShownInstructions(lambda: (None, None), place), place)
    for card_mb, budget_gb, offload in ((24_576, 0, "blocks"), (CARD.memory_mb, 0, "model"), (81_559, 75, "none")):
        most_mb = budget_mb(card_mb, budget_gb)
        room = Room(CARD, place, torch.bfloat16, most_mb, "auto")
        assert first_attempt(model, room).offload == offload


def test_its_weights_are_counted_from_the_configuration(session: Any) -> None:
    """But for the layers that read the time, norms and the last one, which are little in a large model."""
    transformer = session.model.pipe.transformer
    there = sum(each.numel() for name, each in transformer.named_parameters() if each.ndim == 2 and "blocks" in name)
    counted = architecture(dict(transformer.config) | {"_class_name": type(transformer).__name__}, "")
    assert isinstance(counted, QwenArchitecture)
    assert counted.weights == pytest.approx(there + 16 * 32)
    assert QwenArchitecture().weights == pytest.approx(20.4e9, rel=0.005)


def test_its_cost_is_its_own_also_where_its_weights_are_not_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RESHOOT_MODELS", str(tmp_path))
    size = Size(720, 1280)
    klein, whole, few = (
        EDIT.estimate({"generate.model": name}, size, 81, CARD)
        for name in ("flux2-klein-4b", "qwen-image-edit", "qwen-image-edit-few-steps")
    )
    assert whole.vram_mb == few.vram_mb > 3 * klein.vram_mb and whole.ram_mb > klein.ram_mb
    assert few.seconds > klein.seconds and whole.seconds > 5 * few.seconds
    assert isinstance(architecture(None, ""), KleinArchitecture)
