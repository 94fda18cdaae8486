"""What Wan VACE takes over from the window before: pixels, or latents that stay exactly as they are."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import WanVACEPipeline

from pipeline.engines import engine as find_engine
from pipeline.engines.base import Carry, View
from pipeline.engines.diffusion.wan import groups
from pipeline.engines.vace.carrying import KEPT, Carried
from pipeline.engines.vace.conditioning import Conditions
from pipeline.engines.vace.pipeline import VacePipeline
from pipeline.engines.vace.session import NOT_CARRIED
from pipeline.settings import Settings
from tests.engines import opened, window_of
from tests.test_vace_conditioning import SIZE, view
from tests.tiny_models import tiny_model, tiny_settings
from utils.progress import Cancel

pytestmark = pytest.mark.slow


def pipeline(kind: Any, patch: int = 2) -> Any:
    """A pipeline that can only read masks."""
    pipe = kind.__new__(kind)
    for name, value in {"vae_scale_factor_spatial": 8, "vae_scale_factor_temporal": 4}.items():
        object.__setattr__(pipe, name, value)
    config = type("Config", (), {"patch_size": (1, patch, patch)})
    object.__setattr__(pipe, "transformer", type("Transformer", (), {"config": config}))
    return pipe


def black_latents(kind: Any, black_frames: int) -> int:
    """How many latents of 81 frames are read as finished where so many frames are black."""
    mask = torch.ones(1, 3, 81, 32, 32)
    mask[:, :, :black_frames] = 0
    read = pipeline(kind).prepare_masks(mask, [[]])
    return int((read[0].flatten(2).amax(dim=(0, 2)) == 0).sum())


@pytest.mark.parametrize("carried", [1, 5, 9, 13, 17])
def test_all_carried_latents_are_covered_by_the_mask_without_one_more_black_frame(carried: int) -> None:
    """The library's own sampling covers one too few, and needs one black frame more, which is none of the source."""
    latents = sum(stop <= carried for _, stop in groups(81))
    assert black_latents(VacePipeline, carried) == latents
    assert black_latents(VacePipeline, carried + 1) == latents, "the other three of its group are made"
    assert black_latents(WanVACEPipeline, carried) == latents - 1
    assert black_latents(WanVACEPipeline, carried + 1) == latents


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """One tiny model for all tests of this file."""
    folder = tmp_path_factory.mktemp("models")
    tiny_model("vace", folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RESHOOT_MODELS", str(folder))
        yield opened(find_engine("vace"), settings("latents"))


def settings(carry: str) -> dict[str, Any]:
    return Settings.load(
        overrides={**tiny_settings("vace"), "generate.carry": carry, "generate.apply_to": "both"}
    ).flat()


class Calls:
    """The latents that each call of the model was given and gave back."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, session: Any) -> None:
        self.leads: list[Any] = []
        self.clean: list[Any] = []
        frames = session.model.frames

        def watched(given: Any, *more: Any) -> Any:
            made, latents = frames(given, *more)
            self.leads.append(given.lead)
            self.clean.append(latents)
            return made, latents

        monkeypatch.setattr(session.model, "frames", watched)


def run(session: Any, views: list[View], carry: Carry | None, how: str = "latents") -> tuple[list[Any], Any]:
    window = replace(window_of(views, settings(how)), carry=carry)
    output = session.run(window, Cancel(), lambda share, note: None)
    return [frame.rgb for frame in output.frames], output


def carry_of(frames: list[Any], count: int, state: dict[str, Any]) -> Carry:
    whole = np.full(frames[0].shape[:2], 255, np.uint8)
    return Carry(tuple(frames[-count:]), (whole,) * count, state)


@pytest.mark.parametrize("shared", [5, 9])
def test_what_is_carried_is_what_comes_out(session: Any, monkeypatch: pytest.MonkeyPatch, shared: int) -> None:
    calls = Calls(monkeypatch, session)
    first, output = run(session, [view(index) for index in range(17)], None)
    assert output.state["latents"].shape[1] == KEPT and output.state["latents"].dtype == np.float32
    views = [view(index) for index in range(17 - shared, 30 - shared)]
    _, after = run(session, views, carry_of(first, shared, output.state))
    groups_shared = (shared - 1) // 4
    assert np.array_equal(calls.leads[1], calls.clean[0][:, -groups_shared:])
    assert np.array_equal(calls.clean[1][:, 1 : 1 + groups_shared], calls.clean[0][:, -groups_shared:])
    assert not after.fallbacks and session.model.pipe.known is None is session.model.pipe.lead


def test_pixels_are_carried_where_latents_are_not_asked_for(session: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = Calls(monkeypatch, session)
    first, output = run(session, [view(index) for index in range(9)], None, "pixels")
    assert not output.state
    run(session, [view(index) for index in range(4, 13)], carry_of(first, 5, {}), "pixels")
    assert calls.leads == [None, None]


@pytest.mark.parametrize("how", ["other crop", "other frames", "none"])
def test_latents_that_do_not_fit_are_not_taken_and_that_is_told(
    session: Any, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    first, output = run(session, [view(index) for index in range(9)], None)
    calls, start = Calls(monkeypatch, session), 5 if how == "other frames" else 4
    views = [view(index) for index in range(start, start + 9)]
    if how == "other crop":
        views = [replace(each, corner=(8, 0)) for each in views]
    _, after = run(session, views, carry_of(first, 5, {} if how == "none" else output.state))
    assert calls.leads == [None] and after.fallbacks == [NOT_CARRIED]


def test_calls_within_a_window_pass_their_latents_on(session: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the memory holds only a few frames at once."""
    calls = Calls(monkeypatch, session)
    monkeypatch.setattr(session.attempts, "now", replace(session.attempts.now, frames=17))
    _, output = run(session, [view(index) for index in range(41)], None)
    assert [lead is None for lead in calls.leads] == [True, False, False]
    for before, after in zip(calls.clean, calls.clean[1:], strict=False):
        assert np.array_equal(after[:, 1], before[:, -1])
    assert output.state["place"][0] == 41 and not output.fallbacks


def test_latents_are_found_by_the_frames_that_they_stand_for() -> None:
    """Also behind frames that only fill a window up to a length that the model takes."""
    latents = np.arange(7, dtype=np.float32).reshape(1, 7, 1, 1)
    carried = Carried.of(latents, tuple(view(index) for index in range(100, 125)))
    assert carried.latents.ravel().tolist() == [3, 4, 5, 6] and carried.stop == 125
    for start, frames, wanted in [(120, 5, [6]), (116, 9, [5, 6]), (116, 5, [5]), (108, 17, [3, 4, 5, 6])]:
        lead = carried.lead((view(start),), frames, (1, 1))
        assert lead is not None and lead.ravel().tolist() == wanted
    for start, frames in [(121, 5), (120, 1), (104, 17), (120, 9)]:
        assert carried.lead((view(start),), frames, (1, 1)) is None
    assert carried.lead((view(120),), 5, (2, 1)) is None
    again = Carried.from_state(carried.state())
    assert again is not None and again.place == carried.place and again.stop == 125


def test_references_stand_before_what_is_carried(session: Any) -> None:
    """The latents of reference pictures come first, and are no frames."""
    picture = np.zeros((40, 30, 3), np.uint8)
    conditions = Conditions(SIZE, "both", None)
    views = [view(index) for index in range(9)]
    whole = np.full((64, 96), 255, np.uint8)
    carry = Carry((np.full((64, 96, 3), 70, np.uint8),) * 5, (whole,) * 5)
    lead = np.random.default_rng(1).normal(size=(16, 1, 8, 12)).astype(np.float32)
    given = replace(conditions.of(views, carry, [picture]), lead=lead)
    request = session._request(settings("latents"))
    _, clean = session.model.frames(given, request, lambda done: None)
    assert clean.shape[1] == 3 and np.array_equal(clean[:, 1:2], lead)
