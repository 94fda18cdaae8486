"""Alignment against truth: where and when a foreground belongs, what is sure of that, and what is refused."""

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from tests.aligned import Case, Pair, Scene, real_pair
from tests.aligned_cases import MATRIX, TRUE, Hidden
from utils.align.alignment import Alignment, align
from utils.align.labels import Label
from utils.align.matching import Matching
from utils.align.moments import Values
from utils.align.path import Band, best_path
from utils.align.placement import Placement
from utils.align.placing import Refusal
from utils.align.proxies import Proxies
from utils.align.smoothing import smoothed
from utils.media.intake import probe
from utils.size import Size

pytestmark = pytest.mark.slow


def aligned(pair: Pair, given: Placement | None = None) -> Alignment:
    return align(Proxies.of(pair.background), Proxies.of(pair.foreground), given)


def errors(pair: Pair, found: Alignment) -> Values:
    """How far the moments of sure frames are off, in frames of the background; no sure frame is without truth."""
    sure = np.array([label is Label.SURE for label in found.labels])
    known = np.isfinite(pair.truth)
    assert not (sure & ~known).any(), "what has no match was called sure"
    return np.asarray(np.abs(found.moments - pair.truth)[sure])


STANDING = "intel_walk_away_static.mp4"
"""A clip in which nobody walks at first, from a camera that stands."""
Found = Callable[[str], tuple[Pair, Alignment]]


QUICK = (
    "half a frame",
    "swinging",
    "60 to 24",
    "uneven background",
    "uneven foreground",
    "beyond the edge",
    "paused",
    "noisy",
)
"""More of the truth matrix; `python -m benchmarks.align` goes through all of it."""


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Found:
    """A true pair with its alignment, each made once."""
    folder = tmp_path_factory.mktemp("pairs")

    @cache
    def get(name: str) -> tuple[Pair, Alignment]:
        pair = MATRIX[name].made(folder)
        return pair, aligned(pair)

    return get


@pytest.mark.parametrize("name", [*TRUE, *QUICK])
def test_times_and_place_are_found_as_they_are(name: str, found: Found) -> None:
    pair, known = found(name)
    off = errors(pair, known)
    assert len(off) >= 0.95 * len(pair.truth) and np.quantile(off, 0.95) <= 0.25 and off.max() < 1.0
    assert abs(known.placement.left - pair.corner[0]) < 0.5 and abs(known.placement.top - pair.corner[1]) < 0.5
    assert abs(known.placement.scale / pair.scale - 1) < 0.003
    assert np.nanstd(np.diff(known.moments - pair.truth)) < 0.15, "no jitter"
    jumps = [index for index, label in enumerate(known.labels) if label is Label.CUT]
    assert len(jumps) == {"cut": 2, "dropped": 1}.get(name, 0), "one for each stretch that is missing"


LATE = {"smaller", "darkened"}
"""Pairs that are encoded so coarsely that all that moves comes a little late, alike in each part of the picture."""


def test_sigma_says_how_far_times_are_off(found: Found) -> None:
    """Over all pairs together, whose errors have many causes; that a whole picture comes late it cannot know."""
    far = []
    for pair, known in map(found, {*TRUE, *QUICK} - LATE):
        far.append(np.abs(known.moments - pair.truth) / known.sigma)
    shares = [float(np.nanmean(np.concatenate(far) < times)) for times in (1, 2)]
    assert 0.6 <= shares[0] <= 0.8 and 0.93 <= shares[1] <= 0.99, shares


def test_blur_does_not_pull_times_towards_whole_frames(tmp_path: Path) -> None:
    """A quarter of a frame lies between two: what blur takes away is missing on both sides."""
    case = replace(MATRIX["soft"], name="quarter", seconds=2.0, background_rate=Fraction(30), begin_s=0.25 / 30)
    pair = case.made(tmp_path)
    off = errors(pair, aligned(pair))
    assert len(off) >= 0.95 * len(pair.truth) and np.quantile(off, 0.95) < 0.05


def test_frames_that_are_the_same_are_found_to_be_the_same(tmp_path: Path) -> None:
    """Also where a camera shakes so that frames beside one another are hardly different."""
    times = [0.3 + 0.004 * index + 0.02 * float(np.sin(2.3 * index)) for index in range(120)]
    shaking = Case("shaking", scene=Scene(patches=2), seconds=1.5, edit=lambda _: times)
    clip = Proxies.of(shaking.made(tmp_path).foreground)
    moments = align(clip, clip).moments
    assert np.abs(moments - np.arange(len(clip))).max() < 0.01


def test_time_runs_evenly_to_the_end_of_a_still_stretch_and_through_what_is_held(tmp_path: Path) -> None:
    """At its beginning nothing moves: a frame that is held there says when it begins."""
    pair = Case("still first", scene=Scene(stop_s=(0.0, 1.0)), begin_s=0.2).made(tmp_path)
    clips = Proxies.of(pair.background), Proxies.of(pair.foreground)
    for anchors in ({}, {5: 17}):
        known = align(*clips, None, Matching(anchors=anchors))
        first = known.moments[5:45] - pair.truth[5:45]
        assert (np.array(known.labels)[5:40] == Label.STILL).all()
        assert np.abs(first).max() < 3 and known.sigma[10] > 1
    assert known.moments[5] == 17


def test_moments_are_smoothed_where_time_runs_evenly_and_nowhere_else() -> None:
    """Noise on a line becomes less; doubled frames and a jump stay what they are."""
    even = np.arange(120) * 1.3
    noise = 0.1 * np.random.default_rng(1).normal(size=120)
    still, usual = np.zeros(120, bool), np.full(120, 0.1)
    calmer, left = smoothed(even + noise, usual, still)
    assert (calmer - even).std() < 0.5 * noise.std() and np.median(left) < 0.08
    doubled = even.copy()
    doubled[40::10] = doubled[39:-1:10]
    small = np.full(120, 0.01)
    assert np.abs(smoothed(doubled, small, still)[0] - doubled).max() < 0.05
    jumps = still.copy()
    jumps[60] = True
    jumped = even + 50 * (np.arange(120) >= 60)
    assert np.abs(smoothed(jumped, usual, jumps)[0] - jumped).max() < 1e-6
    assert np.isnan(smoothed(np.where(jumps, np.nan, even), usual, still)[0]).sum() == 1


def test_what_lies_beyond_the_background_matches_nothing(tmp_path: Path) -> None:
    pair = Case("longer", begin_s=-0.7, end_s=3.4).made(tmp_path)
    known = aligned(pair)
    outside = np.isnan(pair.truth)
    missed = np.array([label is Label.NOTHING for label in known.labels])
    assert (missed == outside).mean() > 0.98 and errors(pair, known).max() < 1.0


def test_a_still_stretch_and_a_loop_are_not_called_sure(tmp_path: Path) -> None:
    pair = Case("still", scene=Scene(stop_s=(1.0, 2.0))).made(tmp_path)
    known = aligned(pair)
    inside = (pair.truth > 65) & (pair.truth < 115)
    labels = np.array(known.labels)
    assert (labels[inside] == Label.STILL).mean() > 0.9 and (labels[~inside] == Label.SURE).mean() > 0.8
    assert (np.diff(known.moments) > -0.5).all(), "no step backwards"
    loop = Case("loop", scene=Scene(period_s=1.0)).made(tmp_path)
    assert Label.SURE not in aligned(loop).labels, "any of four rounds would do"


@pytest.mark.parametrize(
    "case",
    [MATRIX[name] for name in ("unrelated 1", "reversed", "other take", "other take, standing")],
    ids=lambda case: case.name,
)
def test_clips_that_do_not_belong_together_are_refused(case: Case, tmp_path: Path) -> None:
    pair = case.made(tmp_path)
    with pytest.raises(Refusal):
        aligned(pair)
    with pytest.raises(Refusal):
        aligned(pair, Placement(1.0, *pair.corner))


@pytest.mark.parametrize(
    ("name", "says"), [("stretched", "it is 1.20 times as wide"), ("swapped", "against the order of time")]
)
def test_what_was_done_to_a_foreground_is_said(name: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(Refusal, match=says):
        aligned(MATRIX[name].made(tmp_path))


def test_a_foreground_that_was_turned_is_found_and_measured(tmp_path: Path) -> None:
    """By one degree around its corner, which stays where it was."""
    pair = MATRIX["turned"].made(tmp_path)
    known = aligned(pair)
    assert abs(abs(np.degrees(known.placement.turn)) - 1) < 0.03
    assert abs(known.placement.left - pair.corner[0]) < 0.5 and abs(known.placement.top - pair.corner[1]) < 0.5
    off = errors(pair, known)
    assert len(off) > 0.95 * len(pair.truth) and np.quantile(off, 0.95) <= 0.25 and off.max() < 1.0


def test_a_foreground_that_ends_in_an_earlier_state_is_not_taken_for_reordered(tmp_path: Path) -> None:
    """It goes on after the background's end, to where all is again as it was before, and stays there."""
    scene = Scene(pan_px=0.0, stop_s=(0.0, 0.6))
    times = [0.8 + index / 60 for index in range(72)] + [0.3] * 40
    pair = Case("empty again", scene=scene, seconds=2.0, edit=lambda _: times).made(tmp_path)
    known = aligned(pair)
    off = np.abs(known.moments - pair.truth)[:70]
    assert np.nanquantile(off, 0.95) < 0.5 and Label.SURE not in known.labels[75:]


def test_stretches_in_another_order_are_found_when_that_is_allowed(tmp_path: Path) -> None:
    pair = MATRIX["swapped"].made(tmp_path)
    known = align(Proxies.of(pair.background), Proxies.of(pair.foreground), None, Matching(reorder=True))
    off = errors(pair, known)
    assert len(off) > 0.95 * len(pair.truth) and off.max() < 1.0
    assert sum(label is Label.CUT for label in known.labels) == 1


@pytest.mark.parametrize("border_px", [8, 16])
def test_a_border_is_enough_when_the_middle_was_replaced(border_px: int, tmp_path: Path) -> None:
    """The placement is given; without the border, the middle is what is compared."""
    case = replace(MATRIX["half a frame"], name="border", change=Hidden(border_px))
    pair = case.enlarged(2, 1.5).made(tmp_path)
    clips = Proxies.of(pair.background), Proxies.of(pair.foreground)
    given = Placement(1.0, *pair.corner)
    off = errors(pair, align(*clips, given, Matching(width_px=200, border_px=border_px)))
    assert len(off) >= 0.95 * len(pair.truth) and np.quantile(off, 0.95) <= 0.25 and off.max() < 1.0
    with pytest.raises(Refusal):
        align(*clips, given)


def test_care_finds_more_where_little_moves(tmp_path: Path) -> None:
    """A block of a fiftieth of the picture moves, which larger pictures show better."""
    pair = MATRIX["talk"].enlarged(1, 2.5).made(tmp_path)
    clips = Proxies.of(pair.background), Proxies.of(pair.foreground)
    found = [align(*clips, None, Matching(width_px=width_px)) for width_px in (64, 96)]
    far = [float(np.sqrt(np.nanmean((each.moments - pair.truth) ** 2))) for each in found]
    assert far[1] < far[0] < 0.15, "frames, where one pixel in fifty moves"


def test_a_given_placement_stays(tmp_path: Path) -> None:
    pair = replace(TRUE["offset"], seconds=2.0, begin_s=0.5).made(tmp_path)
    given = Placement(1.0, *pair.corner)
    known = aligned(pair, given)
    assert known.placement == given and errors(pair, known).max() < 0.5


def test_the_path_of_least_cost_goes_where_frames_are_alike() -> None:
    """Costs of 1 on the way, 30 elsewhere: a pause, a jump, and two frames that match nothing."""
    way = [2, 3, 4, 4, 5, 6, 20, 21, -1, -1, 22, 23, 24]
    costs = np.full((len(way), 40), 30, np.float32)
    for index, place in enumerate(way):
        if place >= 0:
            costs[index, place] = 1
    path = best_path(Band([np.arange(40)] * len(way), list(costs)), 1.0)
    assert list(path.frames) == way
    assert list(np.flatnonzero(path.jumps)) == [6, 10]


@pytest.mark.footage
@pytest.mark.parametrize("name", ["shaky_skater.mp4", "handheld_walk_forward.m4v", STANDING])
def test_a_part_of_a_real_clip_is_found_in_it(name: str, footage: Path, tmp_path: Path) -> None:
    """Where nobody walks yet, nothing is sure."""
    pair = real_pair("part", probe(footage / name), tmp_path)
    known = aligned(pair)
    sure = np.array([label is Label.SURE for label in known.labels])
    off = pair.away(known.moments)[sure]
    if name == STANDING:
        assert not sure[:20].any() and np.mean(off < 1.0) > 0.95, "it pauses for three frames, which are told as one"
    else:
        assert sure.mean() > 0.9 and off.max() < 1.0
    assert max(abs(known.placement.left - pair.corner[0]), abs(known.placement.top - pair.corner[1])) < 1


def test_clips_that_are_too_short_or_show_nothing_are_told_so() -> None:
    size = Size(8, 8)

    def blank(frames: int) -> Proxies:
        return Proxies(np.broadcast_to(np.zeros((1, 8, 8), np.uint8), (frames, 8, 8)), np.arange(frames) / 25.0, size)

    with pytest.raises(Refusal, match="The foreground has only 2 frames"):
        align(blank(50), blank(2))
    with pytest.raises(Refusal, match="shows nothing: it is one colour"):
        align(blank(50), blank(50))
