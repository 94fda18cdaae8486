"""ControlNet with tiny Stable Diffusion 1.5 and SDXL: what a frame costs, what is carried along, and its parts."""

import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import DPMSolverMultistepScheduler, EulerDiscreteScheduler, LCMScheduler
from safetensors.torch import load_file

from pipeline.engines import engine as find_engine
from pipeline.engines.base import EngineError, EngineFrame, View
from pipeline.engines.controlnet.defaults import Defaults
from pipeline.engines.controlnet.opening import first_attempt
from pipeline.engines.controlnet.text import encoders
from pipeline.engines.device import Device
from pipeline.engines.diffusion import card
from pipeline.engines.diffusion.depth import NAME
from pipeline.engines.diffusion.opening import Room
from pipeline.make.controls import controls
from pipeline.settings import Settings
from tests.engines import CPU, opened, window_of
from tests.tiny_models import TEXT, depth_anything, tiny_settings
from tests.tiny_sd import control_net, sd_lora, stable_diffusion
from utils.flow import flow_pair, warped
from utils.image import RGB, Size
from utils.progress import Cancel
from utils.walker import Shot, walk

pytestmark = pytest.mark.slow

ENGINE = find_engine("controlnet")
CARD = Device("cuda", "NVIDIA A40", 46068)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both families, for few steps and for many, in folders as people bring them."""
    folder = tmp_path_factory.mktemp("models")
    for name in ("sd-1.5-lcm", "sdxl-lcm"):
        stable_diffusion(folder / name, TEXT, xl="xl" in name)
        (folder / name.removesuffix("-lcm")).symlink_to(folder / name)
    depth_anything(folder / NAME)
    sd_lora(folder / "loras" / "kohya.safetensors")
    sd_lora(folder / "loras" / "peft.safetensors", "peft")
    sd_lora(folder / "loras" / "xl.safetensors", xl=True)
    sd_lora(folder / "loras" / "text.safetensors", text=True)
    return folder


@pytest.fixture(autouse=True)
def _here(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RESHOOT_MODELS", str(models))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


@pytest.fixture(scope="module")
def views() -> list[View]:
    return [
        View(truth.index, rgb, truth.matte, truth.keypoints.astype(np.float32))
        for rgb, truth in walk(Shot(size=Size(96, 64), frames=33))
    ]


def settings_of(**changed: Any) -> dict[str, Any]:
    more = {f"generate.{key}": value for key, value in changed.items()}
    return Settings.load(overrides={**tiny_settings("controlnet"), **more}).flat()


def session_of(**changed: Any) -> Any:
    return opened(ENGINE, settings_of(**changed))


def frames(
    session: Any, views: list[View], guide: Callable[[View], RGB | None] | None = None, **changed: Any
) -> tuple[list[EngineFrame], list[str]]:
    drawn = dict.fromkeys(ENGINE.caps.controls, guide) if guide else controls(ENGINE.caps.controls, lambda: iter(views))
    window = replace(window_of(views, settings_of(**changed)), controls=drawn)
    output = session.run(window, Cancel(), lambda share, note: None)
    return list(output.frames), output.fallbacks


def pictures(
    session: Any, views: list[View], guide: Callable[[View], RGB | None] | None = None, **changed: Any
) -> list[RGB]:
    return [frame.rgb for frame in frames(session, views, guide, **changed)[0]]


def counted(monkeypatch: pytest.MonkeyPatch, holder: Any, name: str, count: Callable[..., int]) -> list[int]:
    """What `count` says of each call of a function."""
    called, counts = getattr(holder, name), list[int]()

    def counting(*args: Any, **named: Any) -> Any:
        counts.append(count(*args))
        return called(*args, **named)

    monkeypatch.setattr(holder, name, counting)
    return counts


@pytest.mark.parametrize("guidance", [1.0, 3.0])
def test_a_frame_that_a_guide_leaves_free_is_made_as_without_control(
    models: Path, views: list[View], guidance: float
) -> None:
    """Also in one call with others that are led. A black picture would lead it."""
    session, few = session_of(guidance=guidance), views[:5]
    free, led = (pictures(session, few, guidance=guidance, control=each) for each in ("none", "pose"))
    assert np.array_equal(pictures(session, few, lambda view: None, guidance=guidance), free)
    black = pictures(session, few, lambda view: np.zeros_like(view.rgb), guidance=guidance)
    assert not np.array_equal(black, free) and not np.array_equal(black, led)
    white = np.full_like(few[0].rgb, 255)
    mixed = pictures(session, few, lambda view: white if view.index == 2 else None, guidance=guidance)
    away = [np.abs(one.astype(int) - other).max() for one, other in zip(mixed, free, strict=True)]
    assert max(*away[:2], *away[3:]) <= 1 < away[2], "frames 1 to 3 are made at once"


def test_what_few_steps_cost(models: Path, views: list[View], monkeypatch: pytest.MonkeyPatch) -> None:
    """At most four passes a frame and none for guidance, one encoding, one decoding, and a copy for each batch."""
    session = session_of(steps=0)
    pipe = session.model.pipe
    passes = counted(monkeypatch, pipe.unet, "forward", lambda latents, *_: len(latents))
    encoded = counted(monkeypatch, pipe.vae, "encode", lambda pictures, *_: len(pictures))
    decoded = counted(monkeypatch, pipe.vae, "decode", lambda latents, *_: len(latents))
    reads = {name: counted(monkeypatch, torch.Tensor, name, lambda *_: 1) for name in ("cpu", "tolist")}
    made, _ = frames(session, views, steps=0)
    texts = session.model.prompts.encoded
    assert len(made) == 33 == sum(encoded) == sum(decoded)
    assert sum(passes) <= 4 * 33
    assert max(decoded) == 16 and texts == 1
    assert decoded == [1, 1, 1, 16, 14], "three keys, and what lies between them"
    assert sum(reads["cpu"]) == len(decoded) + texts and not reads["tolist"]


def test_guidance_shows_the_model_each_frame_twice(
    models: Path, views: list[View], monkeypatch: pytest.MonkeyPatch
) -> None:
    session = session_of()
    passes = counted(monkeypatch, session.model.pipe.unet, "forward", lambda latents, *_: len(latents))
    plain = pictures(session, views[:1])
    assert passes == [1, 1]
    guided = pictures(session, views[:1], guidance=4.0, negative_prompt="a knight")
    assert passes[2:] == [2, 2] and not np.array_equal(plain[0], guided[0])


def test_a_frame_between_keys_takes_half_of_the_steps_where_nothing_appears(
    models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rgb, truth = next(iter(walk(Shot(size=Size(96, 64), frames=2))))
    still = [View(index, rgb, truth.matte, truth.keypoints.astype(np.float32)) for index in range(3)]
    session = session_of(steps=4)
    passes = counted(monkeypatch, session.model.pipe.unet, "forward", lambda latents, *_: len(latents))
    pictures(session, still, steps=4)
    assert len(passes) == 4 + 3 + 2, "the first frame, the key, and the one between them"


def test_frames_follow_each_other_more_closely_than_frames_made_alone(models: Path, views: list[View]) -> None:
    """A network with random weights passes its noise on, so this shows that noise and finished frames are carried."""
    session = session_of(steps=4)
    together = pictures(session, views[:17], steps=4, apply_to="both")
    alone = [
        pictures(session, [view], steps=4, apply_to="both", seed=1 + number)[0]
        for number, view in enumerate(views[:17])
    ]
    assert warp_error(together, views) < 0.6 * warp_error(alone, views)


def warp_error(made: list[RGB], views: list[View]) -> float:
    """Mean difference of neighbours along the source's flow, where it is valid."""
    greys = [np.asarray(view.rgb.mean(axis=2), np.uint8) for view in views]
    errors = []
    for number in range(1, len(made)):
        flow, _ = flow_pair(greys[number], greys[number - 1])
        difference = np.abs(warped(made[number - 1], flow).astype(float) - made[number])
        errors.append(float(difference[flow.valid].mean()))
    return float(np.mean(errors))


def test_no_strength_is_the_source_itself(models: Path, views: list[View]) -> None:
    session = session_of()
    assert all(
        np.array_equal(made, view.rgb)
        for made, view in zip(pictures(session, views[:3], strength=0.0), views, strict=False)
    )
    little, much = (pictures(session, views[:1], steps=4, strength=each)[0] for each in (0.25, 1.0))
    inside = views[0].matte > 127
    moved = [np.abs(each.astype(float) - views[0].rgb)[inside].mean() for each in (little, much)]
    assert 0 < moved[0] < moved[1]


@pytest.mark.parametrize(
    ("options", "kind"),
    [
        ({"lcm": 1}, LCMScheduler),
        ({"lightning": 1}, EulerDiscreteScheduler),
        ({}, DPMSolverMultistepScheduler),
    ],
)
def test_a_checkpoint_names_its_sampler(
    models: Path,
    tmp_path: Path,
    views: list[View],
    monkeypatch: pytest.MonkeyPatch,
    options: dict[str, int],
    kind: type,
) -> None:
    monkeypatch.setenv("RESHOOT_HOME", str(tmp_path))
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "mine.yaml").write_text(
        "extends: sd-1.5\ncheckpoints:\n  - name: mine\n    good_for: Few steps.\n    about_gb: 1\n    card_gb: 1\n"
        "    repository: me/mine\n    files: [unet/*.safetensors]\n    parts: {pose: sd-1.5-pose}\n"
        f"    options: {options | {'steps': 3, 'guidance': 1}}\n"
    )
    (models / "mine").symlink_to(models / "sd-1.5-lcm") if not (models / "mine").exists() else None
    session = session_of(model="mine", steps=0)
    assert type(session.model.pipe.scheduler) is kind
    passes = counted(monkeypatch, session.model.pipe.unet, "forward", lambda latents, *_: len(latents))
    first, again = (pictures(session, views[:1], model="mine", steps=0)[0] for _ in range(2))
    assert passes == [1] * 6 and np.array_equal(first, again)


def test_too_many_steps_for_a_sampler_and_unknown_options_are_told(models: Path, views: list[View]) -> None:
    with pytest.raises(EngineError, match="60 steps"):
        pictures(session_of(), views[:1], steps=60)
    with pytest.raises(EngineError, match="'stesp'"):
        Defaults.of({"stesp": 3}, "mine")


def test_the_part_for_few_steps_is_loaded_with_the_checkpoint(models: Path, views: list[View]) -> None:
    few, many = session_of(), session_of(model="sd-1.5")
    assert few.provenance.settings["loras"] == "sd-1.5-lcm-lora:1"
    assert few.model.pipe.unet.active_adapters() == ["lora0"] and not hasattr(many.model.pipe.unet, "peft_config")
    assert set(ENGINE.models(settings_of())) == {"sd-1.5-lcm"}


def test_loras_of_both_forms_change_the_picture_alike(models: Path, views: list[View]) -> None:
    plain, kohya, peft = (
        pictures(session_of(model="sd-1.5", loras=each), views[:1], model="sd-1.5", guidance=1.0)[0]
        for each in ("", "kohya", "peft")
    )
    assert not np.array_equal(plain, kohya)
    assert np.abs(kohya.astype(int) - peft).max() <= 1


def test_a_lora_of_the_other_family_is_refused(models: Path) -> None:
    with pytest.raises(EngineError, match="xl is for another model"):
        session_of(loras="xl")


def test_the_part_of_a_lora_that_is_not_used_is_told(models: Path, views: list[View]) -> None:
    _, told = frames(session_of(loras="text"), views[:1], loras="text")
    assert told == ["The LoRA text also changes how the prompt is read; that part of it is not used."]


def test_a_control_network_of_the_other_family_is_refused(
    models: Path, tmp_path: Path, views: list[View], monkeypatch: pytest.MonkeyPatch
) -> None:
    stable_diffusion(tmp_path / "sd-1.5-lcm", TEXT)
    for path in (tmp_path / "sd-1.5-pose").iterdir():
        path.unlink()
    control_net(tmp_path / "other", xl=True)
    for path in (tmp_path / "other").iterdir():
        name = path.name.replace(".safetensors", ".fp16.safetensors")
        path.rename(tmp_path / "sd-1.5-pose" / name)
    monkeypatch.setenv("RESHOOT_MODELS", str(tmp_path))
    with pytest.raises(EngineError, match="control network for pose is for another model"):
        pictures(session_of(), views[:1])


def test_a_part_that_is_not_here_is_named(models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stable_diffusion(tmp_path / "sd-1.5-lcm", TEXT)
    (tmp_path / "sd-1.5-pose" / "diffusion_pytorch_model.fp16.safetensors").unlink()
    monkeypatch.setenv("RESHOOT_MODELS", str(tmp_path))
    ready = ENGINE.probe()
    assert not ready.ready and "sd-1.5-pose" in ready.reason + ready.remedy


def test_depth_is_an_optional_part_that_is_named_before_a_run(
    models: Path, tmp_path: Path, views: list[View], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = settings_of(control="depth")
    assert set(ENGINE.models(asked)) == {"sd-1.5-lcm", "sd-1.5-depth"}
    session = session_of(model="sdxl-lcm")
    by_depth, by_pose = (pictures(session, views[:2], model="sdxl-lcm", control=each) for each in ("depth", "pose"))
    assert not np.array_equal(by_depth, by_pose)
    shutil.copytree(models, tmp_path, dirs_exist_ok=True)
    shutil.rmtree(tmp_path / NAME)
    monkeypatch.setenv("RESHOOT_MODELS", str(tmp_path))
    assert ENGINE.probe().ready, "nothing else needs it"
    with pytest.raises(EngineError) as caught:
        ENGINE.models(asked)
    assert NAME in caught.value.problem and "models fetch sd-1.5-depth" in caught.value.remedy


def test_a_control_that_the_engine_or_the_checkpoint_has_not_is_told_before_a_run(models: Path) -> None:
    with pytest.raises(EngineError, match="controlnet is not led by matte") as caught:
        ENGINE.models({**settings_of(), "generate.control": "matte"})
    assert "depth" in caught.value.remedy and "pose" in caught.value.remedy
    with pytest.raises(EngineError, match="no control network for edges") as caught:
        ENGINE.models(settings_of(model="sdxl-lcm", control="edges"))
    assert "pose or depth or none" in caught.value.remedy


def test_sdxl_makes_all_frames_and_changes_with_the_prompt(models: Path, views: list[View]) -> None:
    session = session_of(model="sdxl-lcm")
    first = pictures(session, views[:4], model="sdxl-lcm")
    other = pictures(session, views[:4], model="sdxl-lcm", prompt=TEXT[2])
    assert len(first) == 4 and not np.array_equal(first[0], other[0])
    assert session.model.prompts.encoded == 2
    with pytest.raises(EngineError, match="no control network for edges"):
        pictures(session, views[:1], model="sdxl-lcm", control="edges")
    assert len(pictures(session, views[:1], model="sdxl-lcm", control="none")) == 1


def test_the_decoder_of_sdxl_never_computes_in_16_bits(
    models: Path, views: list[View], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In these it overflows to black, which its configuration says."""
    monkeypatch.setattr(card, "precision", lambda place: torch.bfloat16)
    for name, dtype in (("sdxl-lcm", torch.float32), ("sd-1.5-lcm", torch.bfloat16)):
        session = session_of(model=name)
        assert session.model.pipe.unet.dtype == torch.bfloat16 and session.model.pipe.vae.dtype == dtype
        assert np.std(pictures(session, views[:1], model=name)[0]) > 0


def test_text_encoders_have_the_weights_of_their_files(models: Path) -> None:
    """The names in the files on the hub are older than those of the library, which fills gaps with random numbers."""
    for name in ("sd-1.5-lcm", "sdxl-lcm"):
        for number, encoder in enumerate(encoders(models / name, torch.float32)[1]):
            file = load_file(models / name / f"text_encoder{'_2' if number else ''}" / "model.fp16.safetensors")
            there = file["text_model.encoder.layers.1.self_attn.q_proj.weight"].float()
            names = [each for each in encoder.state_dict() if each.endswith("layers.1.self_attn.q_proj.weight")]
            assert len(names) == 1 and torch.equal(encoder.state_dict()[names[0]], there)


@pytest.mark.parametrize("offload", ["none", "model", "blocks"])
def test_a_processor_keeps_all_in_its_memory(models: Path, views: list[View], offload: Any) -> None:
    session = session_of()
    session.model.place(offload)
    assert {each.device.type for each in session.model.pipe.unet.parameters()} == {"cpu"}
    assert len(pictures(session, views[:2])) == 2


def test_where_little_fits_fewer_frames_are_made_at_once(
    models: Path, views: list[View], monkeypatch: pytest.MonkeyPatch
) -> None:
    session = session_of()
    forward, batches = session.model.pipe.unet.forward, Counter[int]()

    def limited(latents: torch.Tensor, *args: Any, **named: Any) -> Any:
        batches[len(latents)] += 1
        if len(latents) > 1:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return forward(latents, *args, **named)

    monkeypatch.setattr(session.model.pipe.unet, "forward", limited)
    made, told = frames(session, views)
    assert len(made) == 33 and told[-1] == "The memory was too small: one frame is made at once."
    assert len(told) == len(set(told))


@pytest.mark.parametrize(
    ("memory_gb", "asked", "frames", "offload"),
    [(24, "auto", 16, "none"), (24, "model", 16, "model"), (24, "blocks", 16, "blocks"), (1, "auto", 1, "none")],
)
def test_a_card_gets_as_many_frames_at_once_as_it_holds(
    models: Path, memory_gb: float, asked: Any, frames: int, offload: str
) -> None:
    room = Room(CARD, torch.device("cuda"), torch.float16, 1024.0 * memory_gb, asked)
    attempt = first_attempt(session_of().model, room, Defaults())
    assert (attempt.frames, attempt.offload, attempt.can_tile) == (frames, offload, True)


def test_the_estimate_follows_family_and_steps(models: Path) -> None:
    size = Size(512, 768)
    few, many, large = (
        ENGINE.estimate({"generate.model": name}, size, 60, CARD) for name in ("sd-1.5-lcm", "sd-1.5", "sdxl")
    )
    assert 0 < few.seconds < many.seconds / 4 and many.seconds < large.seconds
    half = ENGINE.estimate({"generate.model": "sd-1.5", "generate.strength": 0.5}, size, 60, CARD)
    assert 0.4 * many.seconds < half.seconds < 0.6 * many.seconds, "half the strength takes half the steps"
    assert few.vram_mb < large.vram_mb and ENGINE.estimate({}, size, 60, CPU).vram_mb == 0
