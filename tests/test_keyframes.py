"""Key frames: which frames become keys, and what of a painted key another frame shows."""

from collections.abc import Mapping
from itertools import pairwise

import numpy as np
import pytest

from utils.image import RGB
from utils.keyframes.carrying import Floats, Side, carried, unreached
from utils.keyframes.choosing import Rules, keys
from utils.keyframes.motion import Match

RULES = Rules(scale=1.3, frames=24, unreached=0.1)


def all_reached(start: int, stop: int) -> Mapping[int, float]:
    return dict.fromkeys(range(start + 1, stop), 0.0)


@pytest.mark.parametrize("frames", [1, 2, 3, 25, 26, 80])
def test_first_and_last_are_keys_and_none_is_far_from_the_next(frames: int) -> None:
    chosen = keys([100.0] * frames, all_reached, RULES)
    assert chosen[0] == 0 and chosen[-1] == frames - 1
    gaps = np.diff(chosen)
    assert (gaps > 0).all() and (gaps <= RULES.frames).all()
    assert len(chosen) <= 2 + frames // RULES.frames


def test_a_subject_that_grows_is_painted_anew_each_time_it_is_a_third_larger() -> None:
    heights = [100 * 1.04**frame for frame in range(24)]
    chosen = keys(heights, all_reached, RULES)
    ratios = [heights[after] / heights[before] for before, after in pairwise(chosen)]
    assert max(ratios) <= RULES.scale and len(chosen) == 5
    backwards = keys(heights[::-1], all_reached, RULES)
    assert len(backwards) == len(chosen)


def test_keys_keep_a_least_distance() -> None:
    """Whatever grows or appears meanwhile."""
    rules = Rules(scale=1.3, frames=24, unreached=0.1, least=6)
    for heights in ([100 * 1.2**frame for frame in range(40)], [100.0] * 40):
        chosen = keys(heights, lambda start, stop: dict.fromkeys(range(start + 1, stop), 0.9), rules)
        gaps = np.diff(chosen)
        assert gaps[:-1].min() >= 6 and gaps.max() <= 12


def test_where_nobody_is_seen_only_distance_counts() -> None:
    assert keys([0.0, 0.0, 50.0, 0.0, 0.0], all_reached, RULES) == (0, 4)


def test_a_frame_that_no_key_reaches_becomes_one() -> None:
    """Something appears in frame 10 that is not seen from before or after it."""

    def hidden(start: int, stop: int) -> Mapping[int, float]:
        return {frame: 0.5 if frame == 10 else 0.02 for frame in range(start + 1, stop)}

    assert keys([100.0] * 21, hidden, RULES) == (0, 10, 20)


def test_keys_come_closer_until_all_is_reached() -> None:
    """What lies further than three frames from a key is lost."""

    def far(start: int, stop: int) -> Mapping[int, float]:
        return {frame: 1.0 if min(frame - start, stop - frame) > 3 else 0.0 for frame in range(start + 1, stop)}

    chosen = keys([100.0] * 21, far, RULES)
    assert not any(share for start, stop in pairwise(chosen) for share in far(start, stop).values())
    assert len(chosen) < 11


def test_what_comes_from_the_window_before_is_the_first_key() -> None:
    assert keys([100.0] * 30, all_reached, RULES, first=4) == (4, 28, 29)
    assert keys([100.0] * 5, all_reached, RULES, first=4) == (4,)


def test_given_keys_stay_and_others_are_chosen_between_them() -> None:
    """What lies before the first key counts no more; near given ones fewer others are needed."""
    assert keys([100.0] * 30, all_reached, RULES, first=4, given=[2, 4, 20]) == (4, 20, 29)
    assert keys([100.0] * 60, all_reached, RULES, given=[7, 59]) == (0, 7, 31, 55, 59)


HEIGHT, WIDTH = 64, 96


def side(level: int | RGB, sure: float | Floats = 1.0, right_px: float = 0.0) -> Side:
    """A key of one level, and how sure it is."""
    picture = np.full((HEIGHT, WIDTH, 3), level, np.uint8) if isinstance(level, int) else level
    vectors = np.zeros((HEIGHT, WIDTH, 2), np.float32)
    vectors[..., 0] = right_px
    return Side(picture, Match(vectors, np.broadcast_to(np.float32(sure), (HEIGHT, WIDTH)).copy()))


def test_a_pixel_is_fetched_from_where_the_match_leads() -> None:
    ramp = np.repeat(np.tile(np.arange(WIDTH, dtype=np.uint8), (HEIGHT, 1))[..., None], 3, axis=2)
    moved = side(ramp, right_px=5).carried()
    assert (moved[:, :80, 0] == ramp[:, 5:85, 0]).all()


def test_the_nearer_key_counts_more_where_both_agree() -> None:
    one, other = side(100), side(110)
    near, middle, far = (int(carried(one, other, place)[32, 48, 0]) for place in (0.1, 0.5, 0.9))
    assert 100 <= near < middle < far <= 110


def test_where_a_key_is_not_sure_the_other_one_counts() -> None:
    """And the nearer one where neither is."""
    assert abs(int(carried(side(100, 0.0), side(110), 0.1)[32, 48, 0]) - 110) <= 2
    assert carried(side(100, 0.0), side(110, 0.0), 0.1)[32, 48, 0] <= 102


def test_where_keys_differ_one_is_chosen_for_a_whole_region() -> None:
    """Black stripes that the two keys have at different places do not turn grey."""
    columns = np.arange(WIDTH)
    bands = [np.where((columns + shift) % 16 < 8, 20, 220) for shift in (0, 8)]
    stripes = [np.tile(band[None, :, None], (HEIGHT, 1, 3)).astype(np.uint8) for band in bands]
    sure = np.where(columns < WIDTH // 2, 1.0, 0.1) * np.ones((HEIGHT, 1))
    made = carried(side(stripes[0], sure), side(stripes[1], sure[:, ::-1]), 0.5)
    away = np.abs(columns - WIDTH / 2) > 12
    either = np.minimum(np.abs(made.astype(int) - stripes[0]), np.abs(made.astype(int) - stripes[1]))
    assert either[:, away].max() <= 12
    assert np.abs(made[:, :30].astype(int) - stripes[0][:, :30]).max() <= 12
    assert np.abs(made[:, -30:].astype(int) - stripes[1][:, -30:]).max() <= 12


def test_the_share_of_the_subject_that_no_key_shows() -> None:
    subject = np.zeros((HEIGHT, WIDTH), np.uint8)
    subject[:, :40] = 255
    left, right = np.zeros((HEIGHT, WIDTH), np.float32), np.zeros((HEIGHT, WIDTH), np.float32)
    left[:, :10], right[:, 20:] = 1, 1
    assert unreached([left, right], subject) == pytest.approx(0.25)
    assert unreached([left, right], np.zeros_like(subject)) == 0
