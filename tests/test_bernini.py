"""Bernini-R: sources in one sequence with what is made, guidance by all of them, its experts, and its folder."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from diffusers import WanTransformer3DModel

from pipeline.engines import engine as find_engine
from pipeline.engines.base import EngineError
from pipeline.engines.bernini.guidance import Seen, Strengths, guided, projected
from pipeline.engines.bernini.session import joined
from pipeline.engines.bernini.transformer import SourceTransformer, turned
from pipeline.settings import Settings
from tests.engines import CPU, opened, style_of, window_of
from tests.test_vace_conditioning import view
from tests.tiny_models import TEXT, bernini, tiny_settings, wan_lora
from utils.image import RGB, Size
from utils.progress import Cancel

pytestmark = pytest.mark.slow

VIEWS = [view(index) for index in range(5)]
DARK = np.zeros((120, 300, 3), np.uint8)
NOISY = np.random.default_rng(0).integers(0, 255, (30, 44, 3), np.uint8)
GUIDED = {"generate.guidance": 4.0}


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("models")
    bernini(folder / "bernini-r-1.3b")
    bernini(folder / "bernini-r-14b", experts=2)
    wan_lora(folder / "loras" / "mine.safetensors", "wan")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RESHOOT_MODELS", str(folder))
        patch.setenv("HF_HUB_OFFLINE", "1")
        yield folder


@pytest.fixture(scope="module")
def session(models: Path) -> Any:
    return session_of()


def settings_of(**changed: Any) -> dict[str, Any]:
    return Settings.load(overrides={**tiny_settings("bernini"), **changed}).flat()


def session_of(**changed: Any) -> Any:
    return opened(find_engine("bernini"), settings_of(**changed))


def made(session: Any, *references: RGB, views: Any = VIEWS, **changed: Any) -> tuple[list[Any], Any]:
    """The frames of a window, and what came with them."""
    window = window_of(views, settings_of(**changed), style_of(views, *references))
    output = session.run(window, Cancel(), lambda share, note: None)
    return list(output.frames), output


def watched(monkeypatch: pytest.MonkeyPatch, session: Any) -> list[tuple[str, list[tuple[int, ...]]]]:
    """Which expert is asked, with sources of which shapes."""
    asked: list[tuple[str, list[tuple[int, ...]]]] = []
    for name, expert in session.model.experts.items():
        forward: Callable[..., Any] = expert.forward

        def watching(*args: Any, name: str = name, forward: Callable[..., Any] = forward) -> Any:
            asked.append((name, [tuple(each.shape[2:]) for each in args[3]]))
            return forward(*args)

        monkeypatch.setattr(expert, "forward", watching)
    return asked


# the transformer


@pytest.fixture(scope="module")
def network(models: Path) -> Any:
    return SourceTransformer.from_pretrained(models / "bernini-r-1.3b" / "transformer").eval()


SEEDED = torch.Generator().manual_seed(1)
LATENTS, SOURCE, OTHER = (torch.randn(1, 16, 3, 4, 6, generator=SEEDED) for _ in range(3))
TIME, READ = torch.tensor([500.0]), torch.randn(1, 8, 16, generator=SEEDED)


def test_without_sources_it_is_wan(models: Path, network: Any) -> None:
    wan = WanTransformer3DModel.from_pretrained(models / "bernini-r-1.3b" / "transformer").eval()
    with torch.no_grad():
        assert torch.equal(network(LATENTS, TIME, READ)[0], wan(LATENTS, TIME, READ, return_dict=False)[0])


def test_sources_and_their_order_change_what_is_made(network: Any) -> None:
    """A source may have another size; what comes back has the form of what went in."""
    sources = ((), (SOURCE,), (OTHER,), (SOURCE, OTHER), (OTHER, SOURCE), (SOURCE, OTHER[:, :, :1, :2]))
    with torch.no_grad():
        found = [network(LATENTS, TIME, READ, each)[0] for each in sources]
    assert {each.shape for each in found} == {LATENTS.shape}
    assert len({each.numpy().tobytes() for each in found}) == len(sources)


def test_the_number_of_a_source_turns_every_pair_of_a_head(network: Any) -> None:
    """As a product of complex numbers, as it was published."""
    rotary = network.rope(LATENTS)
    assert turned(rotary, 0) is rotary
    angles = torch.arange(0, 12, 2, dtype=torch.float64).div(12).neg().mul(np.log(10_000.0)).exp()
    wanted = torch.complex(rotary[0][..., ::2].double(), rotary[1][..., ::2].double()) * torch.exp(3j * angles)
    for part, cosine in zip(turned(rotary, 3), (wanted.real, wanted.imag), strict=True):
        assert torch.allclose(part[..., ::2].double(), cosine, atol=1e-6)
        assert torch.equal(part[..., ::2], part[..., 1::2])


# guidance


def test_a_change_counts_half_along_the_picture_and_is_bounded_in_each_frame() -> None:
    told = torch.zeros(1, 2, 3, 2, 2)
    told[:, 0] = 3.0
    without = told.clone()
    without[:, 0, 0] = 2.0  # along the picture: half of it counts
    without[:, 1, 1] = -1.0  # across: all of it
    without[:, 1, 2] = -100.0  # across, of length 200: as much as a length of 50
    led = projected(without, told, 4.0)
    assert torch.allclose(led[:, 0, 0], torch.full((1, 2, 2), 2.0 + 4 * 0.5))
    assert torch.allclose(led[:, 1, 1], torch.full((1, 2, 2), -1.0 + 4 * 1.0))
    assert torch.allclose(led[:, 1, 2], torch.full((1, 2, 2), -100.0 + 4 * 25.0))


def test_each_lead_has_its_own_strength() -> None:
    """What the model says: 1 freely, 10 more with the source, 100 more with references, 1000 more with the prompt."""
    prompt, other, video, reference = (torch.full((1,), float(each)) for each in range(4))

    def ask(text: torch.Tensor, sources: Any) -> torch.Tensor:
        return torch.tensor(1.0 + 10 * bool(sources) + 100 * (len(sources) > 1) + 1000 * (text is prompt))

    strengths = Strengths(4.0)
    seen = Seen(prompt, other, [video, reference])
    latents, noisy = torch.zeros(1, 1, 1, 1, 1), torch.tensor(0.5)
    assert guided(ask, seen, strengths, latents, noisy) == 1 + 1.25 * 10 + 4.5 * 100 + 4 * 1000
    low = guided(ask, seen, strengths.at_low_noise(), latents, noisy)
    assert float(low) == pytest.approx(1 + 0.8 * (1.25 * 10 + 4.5 * 100 + 4 * 1000))
    assert guided(ask, Seen(prompt, None, [video, reference]), strengths, latents, noisy) == 1111


def test_the_model_is_asked_for_as_much_as_guidance_needs(session: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    asked, window = watched(monkeypatch, session), (2, 8, 12)
    for references, guidance, passes in (((), 1.0, 1), ((NOISY,), 1.0, 1), ((), 4.0, 2), ((NOISY,), 4.0, 4)):
        asked.clear()
        _, output = made(session, *references, **{"generate.guidance": guidance, "generate.steps": 1})
        assert len(asked) == passes == output.calls[0].passes
        shown = [0, 1, 2, 2] if passes == 4 else [1 + len(references)] * passes
        assert [len(sources) for _, sources in asked] == shown
        assert all(sources[0] == window for _, sources in asked if sources)
    told = find_engine("bernini").estimate
    usual, more = ({**settings_of(**GUIDED), "generate.reference": each} for each in (None, "a" * 64))
    ratio = told(more, Size(96, 64), 5, CPU).seconds / told(usual, Size(96, 64), 5, CPU).seconds
    assert ratio == pytest.approx(2)


# sessions


def test_two_experts_share_the_steps_and_loras_go_to_both(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    large = {"generate.model": "bernini-r-14b", "generate.steps": 4}
    session, changed = session_of(**large), session_of(**large, **{"generate.loras": "mine"})
    asked = watched(monkeypatch, session)
    plain, _ = made(session, **large)
    assert [name for name, _ in asked] == sorted(name for name, _ in asked)
    assert {name for name, _ in asked} == {"transformer", "transformer_2"} and len(asked) == 4
    assert session.model.pipe.scheduler.config.flow_shift == 5.0
    assert not np.array_equal(plain[0].rgb, made(changed, **large)[0][0].rgb)


def test_the_instruction_is_read_as_the_model_was_trained(session: Any) -> None:
    made(session, NOISY, **{"generate.prompt": TEXT[2]})
    made(session, **{"generate.prompt": TEXT[2]})
    said = "You are a helpful assistant specialized in video editing"
    assert session.model.prompts.knows(f"{said}.{TEXT[2]}", f"{said} with reference.{TEXT[2]}")
    assert not session.model.prompts.knows(TEXT[2])


def test_the_source_and_reference_pictures_change_what_is_made(session: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pictures keep their shape, become no longer than the frames are, and are not enlarged."""
    asked = watched(monkeypatch, session)
    others = [view(index, left=10, tall=50) for index in range(5)]
    found = [made(session, *each)[0] for each in ((), (DARK,), (NOISY,), (DARK, NOISY), (NOISY, DARK))]
    found.append(made(session, views=others)[0])
    assert len({np.stack([frame.rgb for frame in each]).tobytes() for each in found}) == len(found)
    assert {shape for _, sources in asked for shape in sources[1:]} == {(1, 4, 12), (1, 4, 6)}


def test_only_the_chosen_part_differs_from_the_source(session: Any) -> None:
    near = np.ones((5, 5), np.uint8)
    for part in ("person", "background"):
        frames, _ = made(session, **{"generate.apply_to": part})
        for each, frame in zip(VIEWS, frames, strict=True):
            inside, outside = cv2.erode(each.matte, near) > 0, cv2.dilate(each.matte, near) == 0
            changed, kept = (inside, outside) if part == "person" else (outside, inside)
            assert np.array_equal(frame.rgb[kept], each.rgb[kept])
            assert not np.array_equal(frame.rgb[changed], each.rgb[changed])
            assert (frame.alpha is None) == (part == "background")


def test_calls_of_a_window_go_over_into_each_other() -> None:
    grey = [np.full((8, 8, 3), level, np.uint8) for level in (40, 200)]
    frames = joined([grey[0]] * 9, [grey[1]] * 9, 4)
    levels = [float(frame.mean()) for frame in frames]
    assert len(levels) == 13 and levels[:4] == [40] * 4 and levels[9:] == [200] * 4
    assert levels == sorted(levels) and len(joined([], grey, 0)) == 2


# its folder


@pytest.mark.parametrize(
    ("about", "said"),
    [
        ({"model_type": "bernini"}, "a model of another kind: bernini"),
        ({"use_src_id_rotary_emb": False}, "a model of another kind: one without numbered sources"),
        ({"switch_dit_boundary": None}, "does not say where one of its experts takes over"),
    ],
)
def test_a_folder_of_another_model_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, about: dict[str, Any], said: str
) -> None:
    folder = bernini(tmp_path / "bernini-r-14b", experts=2)
    monkeypatch.setenv("RESHOOT_MODELS", str(tmp_path))
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, **about}))
    with pytest.raises(EngineError, match=said):
        session_of(**{"generate.model": "bernini-r-14b"})
