"""Memory and speed of engines with models, with tiny ones: what is left, what is kept, and seams of tiles."""

import gc
import weakref
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import AutoencoderKLWan
from torch.utils._python_dispatch import TorchDispatchMode

from pipeline.engines import engine as find_engine
from pipeline.engines.base import Call, Caps
from pipeline.engines.clearing import Clearing
from pipeline.engines.costs import known, record
from pipeline.engines.diffusion import speed
from pipeline.engines.edit.cost import KleinArchitecture
from pipeline.engines.sessions import Sessions
from pipeline.make.controls import controls
from pipeline.make.window_cost import Costs, WindowCost
from pipeline.settings import Settings
from tests.engines import CPU, opened, window_of
from tests.test_vace_conditioning import view
from tests.tiny_models import TINY, engine_of, tiny_model, tiny_settings
from utils.progress import Cancel

pytestmark = pytest.mark.slow

VIEWS = [view(index) for index in range(9)]
CALLS = {
    "vace": [(5, 6)],
    "controlnet": [(1, 6), (1, 6), (3, 4)],
    "edit": [(1, 3), (1, 3)],
    "qwen": [(1, 6), (1, 6)],
    "bernini": [(5, 6)],
}
"""Frames and passes of the calls for a window of five frames, with three steps and guidance. What `controlnet` makes
from its keys takes fewer steps."""


class CountingAllocator(TorchDispatchMode):  # type: ignore[misc]
    """Counts the tensors that are made while it is on, and those of them that still live."""

    def __init__(self) -> None:
        super().__init__()
        self.made = 0
        self._living: dict[int, weakref.ref[torch.Tensor]] = {}

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = function(*args, **(kwargs or {}))
        for each in result if isinstance(result, tuple | list) else (result,):
            if isinstance(each, torch.Tensor):
                self.made += 1
                self._living[self.made] = weakref.ref(each)
        return result

    @property
    def living(self) -> int:
        gc.collect()
        self._living = {number: ref for number, ref in self._living.items() if ref() is not None}
        return len(self._living)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    for name in TINY:
        tiny_model(name, folder)
    return folder


@pytest.fixture(autouse=True)
def places(models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RESHOOT_MODELS", str(models))
    monkeypatch.setenv("RESHOOT_HOME", str(tmp_path))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


def settings_of(name: str, **changed: Any) -> dict[str, Any]:
    return Settings.load(overrides={**tiny_settings(name), **changed}).flat()


def made(session: Any, settings: dict[str, Any], caps: Caps, count: int = 5) -> tuple[Clearing, Any, list[Any]]:
    """The frames of a window with memory given back as the settings say."""
    window = window_of(VIEWS[:count], settings)
    window = replace(window, controls=controls(caps.controls, lambda: iter(VIEWS)))
    output = session.run(window, Cancel(), lambda share, note: None)
    clearing = Clearing.of(settings, caps)
    return clearing, output, list(clearing.after(output.frames))


@pytest.mark.parametrize("name", TINY)
def test_no_tensor_outlives_its_window(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where memory is given back nobody holds any of it; the prompt's numbers alone are kept, from the first window."""
    engine, settings = engine_of(name), settings_of(name)
    session, counting = opened(engine, settings), CountingAllocator()
    left = list[int]()

    def clear() -> bool:
        left.append(counting.living)
        return True

    monkeypatch.setattr("pipeline.engines.clearing.clear_cuda", clear)
    made(session, settings, engine.caps)
    left.clear()
    with counting:
        for count in (5, 9):
            clearing, _, frames = made(session, settings, engine.caps, count)
            assert len(frames) == count
            assert clearing.times == (count if engine.caps.kind == "frame" else 1)
    assert counting.made > 100
    assert left == [0] * len(left) and left
    session.close()


@pytest.mark.parametrize("name", TINY)
def test_memory_settings_change_no_pixel(name: str) -> None:
    engine, usual = engine_of(name), settings_of(name)
    other = settings_of(name, **{"memory.clear": "never", "memory.offload": "blocks", "memory.budget_gb": 1.0})
    pictures = [
        np.stack([frame.rgb for frame in made(opened(engine, each), each, engine.caps)[2]]) for each in (usual, other)
    ]
    assert np.array_equal(*pictures)


@pytest.mark.parametrize("name", TINY)
def test_what_calls_took_is_kept_and_the_next_estimate_rests_on_it(name: str) -> None:
    engine, settings = engine_of(name), settings_of(name, **{"generate.steps": 3, "generate.guidance": 3.0})
    size = VIEWS[0].size
    before = engine.estimate(settings, size, 5, CPU)
    assert before.basis == "rough"
    clearing, output, _ = made(opened(engine, settings), settings, engine.caps)
    calls, model = tuple(output.calls), TINY[name][1]
    assert {(call.model, call.steps, call.vram_mb) for call in calls} == {(model, 3, 0.0)}
    assert [(call.frames, call.passes) for call in calls] == CALLS[name]
    assert all(call.seconds > 0 for call in calls)
    costs = Costs(engine.name, CPU.name, [WindowCost(5, 1.0, before, clearing, calls)])
    with costs.learning():
        assert engine.estimate(settings, size, 5, CPU) == before
    assert not costs.problem and known(engine.name, model, CPU.name).calls == tuple(rounded(call) for call in calls)
    after = engine.estimate(settings, size, 5, CPU)
    assert after.basis.startswith("measured on this machine") and after.seconds != before.seconds


def rounded(call: Call) -> Call:
    """A call as it is kept."""
    return replace(call, seconds=round(call.seconds, 3))


def test_an_estimate_of_what_was_measured_is_what_it_took() -> None:
    engine, settings = find_engine("vace"), settings_of("vace", **{"generate.steps": 3})
    _, output, _ = made(opened(engine, settings), settings, engine.caps)
    (call,) = output.calls
    record("vace", CPU.name, output.calls)
    after = engine.estimate(settings, call.size, 5, CPU)
    assert after.basis == "measured on this machine once"
    assert after.seconds == pytest.approx(call.seconds, rel=0.01)
    twice = engine.estimate({**settings, "generate.steps": 6}, call.size, 5, CPU)
    assert twice.seconds == pytest.approx(2 * after.seconds)


def test_only_painting_is_corrected_by_calls_that_painted() -> None:
    """Carrying keys to frames takes as long as before."""
    engine, settings, size = find_engine("edit"), settings_of("edit"), VIEWS[0].size
    few, many = (engine.estimate(settings, size, frames, CPU).seconds for frames in (6, 600))
    call = Call("flux2-klein-4b", size, 1, 2, 2, seconds=1e-3)
    record("edit", CPU.name, [call])
    learned = [engine.estimate(settings, size, frames, CPU).seconds for frames in (6, 600)]
    assert learned[0] < few and learned[1] < many
    carrying = [KleinArchitecture().beside_s(size, frames, CPU) for frames in (6, 600)]
    assert learned[1] - learned[0] == pytest.approx(carrying[1] - carrying[0], rel=0.05)


def test_another_place_for_the_parts_opens_the_model_anew_and_another_clearing_does_not() -> None:
    engine, sessions = find_engine("vace"), Sessions(CPU)
    used = []
    for changed in ({}, {"memory.clear": "never"}, {"memory.offload": "blocks"}):
        with sessions.use(engine, settings_of("vace", **changed), lambda share, note: None) as session:
            used.append(session)
    assert used[0] is used[1] and used[1] is not used[2]
    sessions.close()


# speed


def network(name: str) -> Any:
    """The network of an engine that takes the steps."""
    return next(iter(opened(engine_of(name), settings_of(name)).model.experts.values()))  # type: ignore[attr-defined]


@pytest.fixture
def transformer() -> Iterator[Any]:
    yield network("vace")
    torch._dynamo.reset()


def attends(part: Any) -> set[str]:
    """The kernels that the attention of a transformer asks for."""
    found = {getattr(getattr(each, "processor", None), "_attention_backend", None) for each in part.modules()}
    return {each.value for each in found if each is not None}


@pytest.mark.parametrize(
    ("name", "kernel"),
    [("vace", "flash"), ("vace", "sage"), ("controlnet", "sage"), ("edit", "flash"), ("qwen", "flash")],
)
def test_a_kernel_that_cannot_be_had_is_told_and_torch_computes(name: str, kernel: str) -> None:
    engine, settings = engine_of(name), settings_of(name, **{"generate.attention": kernel})
    session = opened(engine, settings)
    _, output, frames = made(session, settings, engine.caps)
    assert len(frames) == 5 and attends(next(iter(session.model.experts.values()))) <= {"native"}  # type: ignore[attr-defined]
    assert output.fallbacks == [f"Attention is computed by torch itself, for {kernel} needs a graphics card."]


def test_a_network_that_takes_no_other_kernel_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the package is there and the card can, too."""
    monkeypatch.setattr(speed, "unusable", lambda kernel, device: "")
    (said,) = speed.attending([network("controlnet")], "sage", torch.device("cpu"))
    assert said == "Attention is computed by torch itself, for UNet2DConditionModel takes no other kernel."
    assert not speed.fixed([network("vace"), network("edit")], "sage")


@pytest.mark.parametrize("name", ["controlnet", "edit", "qwen"])
def test_every_network_has_blocks_to_compile(name: str) -> None:
    part = network(name)
    assert list(speed.compiled([part], torch.device("cpu"), backend="eager")) == []
    compiled = [each for each in part.modules() if each._compiled_call_impl is not None]
    assert {type(each).__name__ for each in compiled} == set(part._repeated_blocks)
    torch._dynamo.reset()


@pytest.mark.parametrize(
    ("installed", "capability", "why_not"),
    [(False, (9, 0), "not installed"), (True, (7, 5), "8.0 or more"), (True, (8, 6), "")],
)
def test_a_kernel_needs_its_package_and_a_card_that_can(
    monkeypatch: pytest.MonkeyPatch, installed: bool, capability: tuple[int, int], why_not: str
) -> None:
    monkeypatch.setattr(speed, "find_spec", lambda name: object() if installed else None)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    for kernel in speed.NEEDS:
        said = speed.unusable(kernel, torch.device("cuda"))
        assert why_not in said and bool(said) == bool(why_not)
    assert speed.unusable("native", torch.device("cuda")) == ""


def test_a_package_that_is_too_old_is_told(monkeypatch: pytest.MonkeyPatch, transformer: Any) -> None:
    """The library knows which versions it can use; here it has none at all."""
    monkeypatch.setattr(speed, "unusable", lambda kernel, device: "")
    (said,) = speed.attending([transformer], "sage", torch.device("cpu"))
    assert "sageattention" in said and attends(transformer) == {"native"}


def test_compiled_blocks_make_the_same(transformer: Any) -> None:
    """Traced as for a card and computed as usual; each block's own compiled call is used."""
    channels = transformer.config.in_channels
    given = {
        "hidden_states": torch.randn(1, channels, 2, 4, 4),
        "timestep": torch.tensor([500]),
        "encoder_hidden_states": torch.randn(1, 8, transformer.config.text_dim),
        "control_hidden_states": torch.randn(1, transformer.config.vace_in_channels, 2, 4, 4),
    }
    with torch.no_grad():
        (plain,) = transformer(**given, return_dict=False)
        assert list(speed.compiled([transformer], torch.device("cpu"), backend="eager")) == []
        (compiled,) = transformer(**given, return_dict=False)
    blocks = [*transformer.blocks, *transformer.vace_blocks]
    assert all(block._compiled_call_impl is not None for block in blocks)
    assert torch.allclose(plain, compiled, atol=1e-5)


def test_a_machine_that_cannot_compile_says_so(transformer: Any) -> None:
    def broken(graph: Any, inputs: Any) -> Any:
        raise RuntimeError("Failed to find C compiler. Please specify via CC environment variable.")

    (said,) = speed.compiled([transformer], torch.device("cpu"), backend=broken)  # type: ignore[arg-type]
    assert "not compiled" in said and "C compiler" in said
    assert all(block._compiled_call_impl is None for block in transformer.blocks)


# tiles


Decoded = tuple[np.ndarray[Any, Any], np.ndarray[Any, Any], int]
OVERLAP_PX, MOST_SEAM = 16, 1.25


@pytest.fixture(scope="module")
def decoded() -> Decoded:
    """A picture decoded whole and in tiles, and the distance at which the tiles begin."""
    torch.manual_seed(0)
    vae = AutoencoderKLWan(base_dim=8, z_dim=16, dim_mult=[1, 1, 1, 1], num_res_blocks=1).eval()
    latents = torch.nn.functional.interpolate(torch.randn(16, 1, 4, 6), scale_factor=4, mode="bilinear")[:, 0]
    with torch.no_grad():
        whole = vae.decode(latents[None, :, None], return_dict=False)[0]
        vae.enable_tiling(64, 64, 48, 48)
        tiled = vae.decode(latents[None, :, None], return_dict=False)[0]
    return whole[0, :, 0].numpy(), tiled[0, :, 0].numpy(), 48


def seam_ratio(picture: np.ndarray[Any, Any], every: int) -> float:
    """The mean step between columns where tiles begin and where they are blended out, to that everywhere else."""
    steps = np.abs(np.diff(picture, axis=2)).mean(axis=(0, 1))
    at = [column - 1 for start in range(every, len(steps), every) for column in (start, start + OVERLAP_PX)]
    at = [column for column in at if column < len(steps)]
    return float(steps[at].mean() / np.delete(steps, at).mean())


def test_tiles_show_no_seam(decoded: Decoded) -> None:
    """Measured: 6 % of the picture's own contrast apart from the whole one, and no steeper where tiles meet."""
    whole, tiled, every = decoded
    assert whole.shape == tiled.shape and 0 < np.abs(whole - tiled).mean() < 0.1 * whole.std()
    assert seam_ratio(tiled, every) < MOST_SEAM


def test_the_measure_of_seams_finds_one(decoded: Decoded) -> None:
    whole, _, every = decoded
    broken = whole.copy()
    broken[:, :, every:] += 0.2 * whole.std()
    assert seam_ratio(broken, every) > MOST_SEAM
