"""Nearest patches: what is found again in another picture, and what patches make together."""

import numpy as np
import pytest

from utils.keyframes.patches import CHANNELS, RADIUS, Bytes, Expected, Nearest, Packed, Places

HEIGHT, WIDTH = 60, 80


def noise(seed: int, height: int = HEIGHT, width: int = WIDTH) -> Bytes:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def packed(picture: Bytes) -> Packed:
    return Packed.of([picture[..., channel] for channel in range(3)])


def same_places() -> Places:
    return np.ascontiguousarray(np.indices((HEIGHT, WIDTH)).transpose(1, 2, 0).astype(np.int32))


def free() -> Expected:
    return Expected(same_places(), np.zeros((HEIGHT, WIDTH), np.int32), 10)


@pytest.fixture(scope="module")
def moved() -> tuple[Bytes, Bytes]:
    """A picture, and the same one 3 px lower and 5 px to the left in a larger one."""
    large = noise(1, HEIGHT + 20, WIDTH + 20)
    return large[3 : 3 + HEIGHT, 5 : 5 + WIDTH], large


def test_what_has_moved_is_found_again(moved: tuple[Bytes, Bytes]) -> None:
    picture, large = moved
    inside = np.ones((HEIGHT, WIDTH), bool)
    found = Nearest.at(same_places(), inside).improved(packed(picture), packed(large), free(), 4, 12, seed=1)
    right = (found.places - same_places() == (3, 5)).all(axis=2)[RADIUS:-RADIUS, RADIUS:-RADIUS]
    assert right.mean() > 0.99 and (found.costs[RADIUS:-RADIUS, RADIUS:-RADIUS][right] == 0).all()
    made = found.voted(large.astype(np.float32), alike=100.0)
    assert np.abs(made - picture)[4:-4, 4:-4].mean() < 1


def test_the_same_seed_finds_the_same(moved: tuple[Bytes, Bytes]) -> None:
    picture, large = moved
    inside = np.ones((HEIGHT, WIDTH), bool)

    def found(seed: int) -> Places:
        start = Nearest.at(same_places(), inside)
        return start.improved(packed(picture), packed(large), free(), 1, 6, seed).places

    assert (found(1) == found(1)).all() and (found(1) != found(2)).any()


def test_costs_never_grow_and_nothing_outside_is_touched(moved: tuple[Bytes, Bytes]) -> None:
    picture, large = moved
    inside = np.zeros((HEIGHT, WIDTH), bool)
    inside[10:40, 20:60] = True
    start = Nearest.at(same_places(), inside)
    once = start.improved(packed(picture), packed(large), free(), 1, 8, seed=1)
    twice = once.improved(packed(picture), packed(large), free(), 1, 8, seed=2)
    assert (twice.costs <= once.costs).all()
    assert (twice.places[~inside] == same_places()[~inside]).all() and not twice.costs[~inside].any()
    assert not twice.voted(large.astype(np.float32), alike=100.0)[~inside].any()


def test_distance_from_what_is_expected_costs_something() -> None:
    """A pattern that repeats every 8 px is found where it is expected."""
    tile = noise(3, HEIGHT, 8)
    picture = np.tile(tile, (1, WIDTH // 8, 1))
    expected = same_places()
    expected[..., 1] = np.minimum(expected[..., 1] + 16, WIDTH - 1)
    weight = np.full((HEIGHT, WIDTH), 50, np.int32)
    start = Nearest.at(same_places(), np.ones((HEIGHT, WIDTH), bool))
    found = start.improved(packed(picture), packed(picture), Expected(expected, weight, 40), 4, 24, seed=1)
    right = (found.places == expected).all(axis=2)[RADIUS:-RADIUS, RADIUS : WIDTH - 24]
    assert right.mean() > 0.95


def test_a_patch_that_fits_badly_counts_little() -> None:
    """One pixel is found in the wrong place: its neighbours outvote it."""
    picture = np.zeros((HEIGHT, WIDTH, 1), np.float32)
    picture[:, WIDTH // 2 :] = 200
    places, costs = same_places(), np.zeros((HEIGHT, WIDTH), np.int32)
    places[20, 10] = 20, WIDTH - 10
    costs[20, 10] = 1_000_000
    made = Nearest(places, costs, np.ones((HEIGHT, WIDTH), bool)).voted(picture, alike=100.0)
    assert made[20, 10, 0] < 0.1


def test_values_beyond_a_byte_are_cut_and_the_border_repeats() -> None:
    plane = np.full((4, 6), 300.0, np.float32)
    plane[0, 0] = -5
    pixels = Packed.of([plane]).pixels.reshape(4 + 2 * RADIUS, 6 + 2 * RADIUS, CHANNELS)
    assert pixels[0, 0, 0] == 0 and pixels[-1, -1, 0] == 255 and not pixels[..., 1:].any()
