"""Windows join without a step in colour, without a double edge, and without touching what both agree on."""

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from utils.image import RGB
from utils.image.blending import ColourLock, blend, overlap_shares
from utils.image.metrics import MeanColour, colour_drift, lab
from utils.walker import Scene, Shot

pytestmark = pytest.mark.slow

Frames = list[tuple[RGB, NDArray[np.uint8]]]
TINT = np.array([[0.2, 0.3, 0.7], [0.5, 0.5, 0.1], [0.3, 0.1, 0.1]])


@pytest.fixture(scope="module")
def filmed() -> Frames:
    """A few frames with the walker's matte."""
    scene = Scene(Shot(size=(640, 360), frames=24))
    return [(picture, truth.matte) for picture, truth in map(scene.frame, (0, 1, 8, 9, 16, 17, 22, 23))]


def ring(matte: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Well away from the person."""
    return np.where(cv2.dilate(matte, np.ones((21, 21))) == 0, 255, 0).astype(np.uint8)


def restyled(picture: RGB, matte: NDArray[np.uint8]) -> NDArray[np.float64]:
    """The person in other colours, all else as it is."""
    share = matte[..., None] / 255
    return np.asarray(picture * (1 - share) + picture @ TINT * share)


def as_levels(values: NDArray[np.float64], seed: int = 0) -> RGB:
    """With a decoder's noise."""
    return np.clip(np.rint(values + np.random.default_rng(seed).normal(0, 1.5, values.shape)), 0, 255).astype(np.uint8)


def drifted(values: NDArray[np.float64], kind: str) -> NDArray[np.float64]:
    """As an engine's later windows come out: several Delta E away."""
    if kind == "gain":
        return values * (1.06, 1.0, 0.93) + (3, -4, 5)
    if kind == "gamma":
        return np.asarray(255 * (np.clip(values, 0, 255) / 255) ** 1.08)
    colours = lab(values.astype(np.float32)) * (1.04, 1.1, 0.92) + np.array((2, 4, -5))
    return np.asarray(255.0 * np.clip(cv2.cvtColor(colours.astype(np.float32), cv2.COLOR_Lab2RGB), 0, 1))


@pytest.mark.parametrize("kind", ["gain", "gamma", "lab"])
def test_a_drift_is_undone_also_on_the_person(filmed: Frames, kind: str) -> None:
    lock = ColourLock()
    for picture, matte in filmed[::2]:
        lock.observe(as_levels(drifted(restyled(picture, matte), kind)), picture, ring(matte))
    assert lock.solve()
    means = {name: (MeanColour(), MeanColour()) for name in ("first", "drifted", "locked")}
    for picture, matte in filmed[1::2]:
        meant, off = restyled(picture, matte), as_levels(drifted(restyled(picture, matte), kind), 1)
        for name, result in (("first", as_levels(meant)), ("drifted", off), ("locked", lock.apply(off))):
            means[name][0].add(result, matte > 200)
            means[name][1].add(result, ring(matte) > 0)
    for part in (0, 1):
        assert colour_drift(means["first"][part], means["drifted"][part]) > 2
        assert colour_drift(means["first"][part], means["locked"][part]) < 1.0


def test_noise_is_no_drift(filmed: Frames) -> None:
    lock = ColourLock()
    for seed, (picture, matte) in enumerate(filmed[::2]):
        lock.observe(as_levels(restyled(picture, matte), seed), picture, ring(matte))
    assert not lock.solve()
    picture = filmed[0][0]
    assert lock.apply(picture) is picture


def test_without_a_ring_there_is_no_lock(filmed: Frames) -> None:
    picture, matte = filmed[0]
    lock = ColourLock()
    assert not lock.solve()
    lock.observe(as_levels(drifted(picture * 1.0, "gain")), picture, np.zeros_like(matte))
    assert not lock.solve()
    assert np.array_equal(lock.apply(picture), picture)


def test_a_ring_that_was_partly_redrawn_still_locks(filmed: Frames) -> None:
    """A fifth of what should have been left alone is something else: it has no say."""
    picture, matte = filmed[0]
    off = as_levels(drifted(picture * 1.0, "gain"))
    redrawn = off.copy()
    redrawn[:, :128] = (250, 40, 60)
    lock = ColourLock()
    lock.observe(redrawn, picture, ring(matte))
    assert lock.solve()
    there = ring(matte)[:, 140:] > 0
    assert np.abs(lock.apply(off)[:, 140:].astype(float) - picture[:, 140:])[there].mean() < 2


def test_a_ring_of_one_colour_does_not_bend_others() -> None:
    """A grey wall says that all got darker; it cannot say what became of red."""
    wall = np.full((80, 80, 3), 120, np.uint8)
    lock = ColourLock()
    lock.observe(as_levels(wall - 9.0), wall, np.full((80, 80), 255, np.uint8))
    assert lock.solve()
    red = np.full((8, 8, 3), (200, 40, 40), np.uint8)
    assert np.abs(lock.apply(red).astype(float) - red - 9).max() < 4
    assert np.abs(lock.apply(wall - np.uint8(9)).astype(float) - wall).max() <= 1


def test_shares_ease_from_one_window_to_the_other() -> None:
    shares = overlap_shares(5)
    assert np.allclose(shares + shares[::-1], 1) and shares[2] == pytest.approx(0.5)
    assert (np.diff(shares) > 0).all() and 0 < shares[0] < 0.1
    assert overlap_shares(0).size == 0
    with pytest.raises(ValueError, match="overlap"):
        overlap_shares(-1)


@pytest.mark.parametrize("share", [0.0, 0.07, 0.5, 0.93, 1.0])
def test_what_both_agree_on_is_not_touched(filmed: Frames, share: float) -> None:
    picture = filmed[0][0]
    assert np.array_equal(blend(picture, picture.copy(), share), picture)
    half = picture.copy()
    half[:, 400:, 0] = np.clip(half[:, 400:, 0].astype(int) + 4, 0, 255)
    assert np.array_equal(blend(picture, half, share)[:, :400], picture[:, :400])


def test_the_ends_of_a_blend_are_the_windows(filmed: Frames) -> None:
    one, other = filmed[0][0], filmed[-1][0]
    assert np.array_equal(blend(one, other, 0), one)
    assert np.array_equal(blend(one, other, 1), other)


def test_light_is_mixed_not_levels() -> None:
    black, white = np.zeros((32, 32, 3), np.uint8), np.full((32, 32, 3), 200, np.uint8)
    mixed = blend(black, white, 0.5, None)
    assert 140 < mixed.mean() < 150


def edge(at: float) -> RGB:
    """Bright bars on dark, whose first edge lies at a column."""
    x = np.arange(200) - at
    line = 128 + 70 * np.tanh(np.sin(x / 8) * 6)
    picture = np.repeat(np.tile(line, (80, 1))[..., None], 3, 2)
    return np.asarray(np.rint(picture + 20 * np.sin(np.arange(80) / 5)[:, None, None]), np.uint8)


def steepest(picture: RGB) -> float:
    slopes = np.abs(np.diff(picture[20:60, 20:-20].mean(axis=2), axis=1))
    return float(np.percentile(slopes, 99))


def test_edges_that_lie_apart_meet_in_between_and_stay_single() -> None:
    """Mixed as they are, bars four pixels apart have two edges of half the height each."""
    one, other, between = edge(30), edge(34), edge(32)
    plain = (0.5 * one + 0.5 * other).astype(np.uint8)
    mixed = blend(one, other, 0.5)
    inner = (slice(10, -10), slice(25, -25))
    errors = [np.abs(each[inner].astype(float) - between[inner]).mean() for each in (plain, mixed)]
    assert errors[1] < 0.35 * errors[0]
    assert steepest(plain) < 0.75 * steepest(between)
    assert 0.85 * steepest(between) < steepest(mixed) < 1.05 * steepest(between)


def test_what_cannot_be_aligned_is_taken_from_one_of_them() -> None:
    """A limb that each drew in another place is seen in one of them, never half in both."""
    noise = cv2.GaussianBlur(np.random.default_rng(2).normal(size=(180, 240, 3)).astype(np.float32), (0, 0), 1.5)
    ground = np.clip(170 + 8 * noise / noise.std(), 0, 255).astype(np.uint8)
    one, other = ground.copy(), ground.copy()
    one[40:140, 60:84], other[40:140, 150:174] = 50, 50
    for share, kept, gone in ((0.3, slice(64, 80), slice(154, 170)), (0.7, slice(154, 170), slice(64, 80))):
        mixed = blend(one, other, share)
        assert mixed[50:130, kept].mean() < 75
        assert mixed[50:130, gone].mean() > 155
