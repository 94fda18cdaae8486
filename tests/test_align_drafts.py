"""Drafts of an alignment: whole maps of few frames, honest about what they do not know, then the exact one."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pipeline.align.drafts import Draft
from pipeline.align.settings import AlignSettings
from pipeline.align.story import align_clips
from pipeline.kinds import stage_sentence
from pipeline.stage import RunContext
from tests.aligned import Case, Pair, Scene
from tests.aligned_cases import TRUE
from utils.align.draft import first_draft, sparse_draft
from utils.align.labels import Label
from utils.align.matching import Matching
from utils.align.placement import Placement
from utils.align.placing import Refusal
from utils.align.proxies import Proxies
from utils.progress import Progress
from utils.store import Store

pytestmark = pytest.mark.slow

NAMES = ["keyframes", "every 4th frame", "every frame", "to a part of a frame"]


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    """Five and a half seconds, of which keyframes are every fifth."""
    return Case("long", seconds=5.5, begin_s=0.5).made(tmp_path_factory.mktemp("long"))


def context_at(folder: Path, heard: list[Progress], shown: str = "progressive") -> RunContext:
    settings = {**AlignSettings().flat(), "match.shown": shown}
    return RunContext(Store(folder), settings, heard.append)


def test_maps_get_finer_and_end_in_the_exact_one(long: Pair, tmp_path: Path) -> None:
    told, heard = list[Draft](), list[Progress]()
    clips = long.background, long.foreground
    made = align_clips(*clips, context_at(tmp_path / "a", heard), composed=False, told=told.append)
    assert [draft.name for draft in told] == NAMES
    sigmas = [draft.sigma for draft in told]
    assert sigmas == sorted(sigmas, reverse=True) and sigmas[0] > 5 * sigmas[-1]
    for draft in told:
        known = np.isfinite(draft.map.moments)
        off = np.abs(draft.map.moments - long.truth)[known]
        assert len(draft.map.moments) == len(long.foreground) and known.mean() > 0.95 and draft.sure > 0.9
        assert (off < 2 * draft.map.sigma[known]).mean() > 0.9 and off.max() < 5 * sigmas[0]
    assert [each.note for each in heard if each.stage == "draft"] == [draft.sentence for draft in told]
    notes = {each.stage: each.note for each in heard}
    assert (notes["place"], notes["align"]) == (told[1].sentence, told[2].sentence), "said beside what is done then"
    assert stage_sentence("place", told[1].sentence) == f"Finding the foreground's place ({told[1].sentence})"
    assert stage_sentence("lay over", told[1].sentence) == "Laying the foreground over"
    assert sum(event.stage == "draft" for event in made.events) == 4

    whole = align_clips(*clips, context_at(tmp_path / "b", [], "whole"), composed=False).map
    assert whole.to_json() == made.map.to_json() == told[-1].map.to_json()
    assert not [done for done in made.done if done.hit]
    again = align_clips(*clips, context_at(tmp_path / "a", []), composed=False, told=told.append)
    assert all(done.hit for done in again.done) and [draft.name for draft in told[4:]] == NAMES


@pytest.mark.parametrize("name", ["cut", "dropped"])
def test_frames_beside_a_jump_are_not_known_yet(name: str, tmp_path: Path) -> None:
    pair = TRUE[name].made(tmp_path)
    found = first_draft(Proxies.of(pair.background), Proxies.of(pair.foreground), Matching())
    sure = np.array([label is Label.SURE for label in found.labels])
    off = np.abs(found.moments - pair.truth)[sure]
    assert off.max() < 2 and sure.mean() > 0.9
    jumps = np.flatnonzero(np.diff(pair.truth) > 10)
    assert len(jumps)
    for jump in jumps:
        assert np.isnan(found.moments[jump - 2 : jump + 4]).any()


def test_drafts_keep_a_placement_that_is_given_and_frames_that_are_held(tmp_path: Path) -> None:
    pair = Case("loop", seconds=2.3, end_s=1.0, scene=Scene(period_s=1.0)).made(tmp_path)
    clips, given = (Proxies.of(pair.background), Proxies.of(pair.foreground)), Placement(1.0, *pair.corner)
    held = Matching({12: 72})
    first = first_draft(*clips, held, given)
    finer = sparse_draft(*clips, held, given, lambda: None, stays=True)
    for found in (first, finer):
        assert found.placement == given and np.nanmax(np.abs(found.moments - np.arange(60) - 60)) < 2


def test_clips_that_do_not_belong_together_are_refused_after_their_drafts(tmp_path: Path) -> None:
    pair = replace(TRUE["offset"], name="strangers", seconds=1.0, begin_s=0.0, other=Scene(seed=99)).made(tmp_path)
    told = list[Draft]()
    with pytest.raises(Refusal):
        clips = pair.background, pair.foreground
        align_clips(*clips, context_at(tmp_path / "a", []), composed=False, told=told.append)
    assert not told
