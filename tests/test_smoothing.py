"""Tracks become steadier without lag, and nothing is smoothed away that happened."""

import numpy as np
import pytest

from utils.people.pose import ANKLES, HEELS, LANDMARKS, TOES, Keypoints, Poses
from utils.people.smoothing import GAP_FRAMES, Values, smoothed
from utils.walker import Shot, Truth, walk

pytestmark = pytest.mark.slow

FEET = [*ANKLES, *HEELS, *TOES]
COUNT = 60
TIMES_S = np.arange(COUNT) / 30


@pytest.fixture(scope="module")
def truths() -> list[Truth]:
    return [truth for _, truth in walk(Shot(size=(160, 90), frames=90))]


def known(keypoints: Keypoints, confidence: float = 0.9) -> Poses:
    there = np.isfinite(keypoints[..., 0])
    return Poses(keypoints, np.where(there, confidence, 0).astype(np.float32), there.any(axis=1))


def everywhere(track: Values) -> Keypoints:
    """Every landmark on the same track, n x 2."""
    return np.repeat(track[:, None], LANDMARKS, axis=1).astype(np.float32)


def line() -> Values:
    return np.stack([100 + 4.0 * np.arange(COUNT), 300 - 1.5 * np.arange(COUNT)], axis=1)


def test_noise_goes_and_the_walk_stays(truths: list[Truth]) -> None:
    """Of a real gait, in 720p: the feet's jitter is halved, and the error shrinks too."""
    truth = np.array([each.keypoints for each in truths], np.float32) * 8
    noisy = truth + np.random.default_rng(1).normal(0, 2, truth.shape).astype(np.float32)
    calm = smoothed(known(noisy), np.arange(90) / 30, ()).keypoints

    def jitter(keypoints: Keypoints) -> float:
        return float(np.nanmedian(np.linalg.norm(np.diff(keypoints[:, FEET] - truth[:, FEET], 2, axis=0), axis=-1)))

    def error(keypoints: Keypoints) -> float:
        return float(np.nanmean(np.linalg.norm((keypoints - truth)[:, FEET], axis=-1)))

    assert jitter(calm) < 0.4 * jitter(noisy)
    assert error(calm) < 0.75 * error(noisy)


def test_a_straight_move_has_no_lag() -> None:
    """Also at both ends."""
    track = everywhere(line())
    assert np.abs(smoothed(known(track), TIMES_S, ()).keypoints - track).max() < 1.0
    assert np.abs(smoothed(known(track), TIMES_S, ()).keypoints - track)[6:-6].max() < 1e-3


def test_time_turned_round_gives_the_same() -> None:
    """Zero phase: a swing forward is smoothed as one backward."""
    track = everywhere(line() + 40 * np.sin(np.arange(COUNT) / 4)[:, None])
    forward = smoothed(known(track), TIMES_S, ()).keypoints
    backward = smoothed(known(track[::-1].copy()), TIMES_S, ()).keypoints[::-1]
    assert np.allclose(forward, backward, atol=1e-3)


def test_nothing_crosses_a_cut() -> None:
    track = line()
    track[30:] += 400
    keypoints = everywhere(track)
    keypoints[29] = np.nan
    calm = smoothed(known(keypoints), TIMES_S, (30,))
    alone = smoothed(known(keypoints[30:]), TIMES_S[30:], ())
    assert np.allclose(calm.keypoints[30:], alone.keypoints, atol=1e-3)
    assert np.isnan(calm.keypoints[29]).all()


def test_a_short_gap_is_filled_and_a_long_one_is_not() -> None:
    track = everywhere(line())
    holed = track.copy()
    holed[20 : 20 + GAP_FRAMES] = np.nan
    holed[40 : 40 + GAP_FRAMES + 1] = np.nan
    calm = smoothed(known(holed), TIMES_S, ())
    assert np.abs(calm.keypoints[20 : 20 + GAP_FRAMES] - track[20 : 20 + GAP_FRAMES]).max() < 0.5
    assert (calm.confidence[20 : 20 + GAP_FRAMES] > 0).all()
    assert (calm.confidence[20 : 20 + GAP_FRAMES] < 0.9).all()
    assert np.isnan(calm.keypoints[40 : 40 + GAP_FRAMES + 1]).all()
    assert (calm.confidence[40 : 40 + GAP_FRAMES + 1] == 0).all()


def test_a_landing_stays_sharp() -> None:
    """A foot that comes down and stops at once: with the edge known it neither creeps in nor overshoots."""
    down = np.minimum(np.arange(COUNT), 30)[:, None] * np.array([[9.0, 3.0]]) + 50
    poses = known(everywhere(down))
    soft = smoothed(poses, TIMES_S, ()).keypoints[30:, TOES[0]]
    sharp = smoothed(poses, TIMES_S, (), {TOES[0]: [30]}).keypoints
    assert np.abs(soft - down[30:]).max() > 1.5
    assert np.abs(sharp[30:, TOES[0]] - down[30:]).max() < 0.1
    assert np.abs(sharp[30:, TOES[1]] - down[30:]).max() > 1.5


def test_a_wild_frame_hardly_counts() -> None:
    track = line()
    wild = everywhere(track)
    wild[30] += 60
    calm = smoothed(known(wild), TIMES_S, ()).keypoints
    assert np.abs(calm - everywhere(track))[25:36].max() < 6


def test_sure_frames_count_more() -> None:
    keypoints = everywhere(np.full((COUNT, 2), 100.0))
    keypoints[30] += 3
    poses = known(keypoints)
    unsure = poses.confidence.copy()
    unsure[30] = 0.2
    pulls = [
        smoothed(each, TIMES_S, ()).keypoints[30, 0, 0] - 100
        for each in (poses, Poses(keypoints, unsure, poses.measured))
    ]
    assert pulls[1] < 0.3 * pulls[0]


def test_measured_frames_lead() -> None:
    """Of a swing measured in every third frame and joined by straight lines, the roundness comes back."""
    swing = np.stack([200 + 80 * np.sin(np.arange(COUNT) / 4), np.full(COUNT, 50.0)], axis=1)
    measured = np.arange(COUNT) % 3 == 0
    straight = np.stack(
        [np.interp(np.arange(COUNT), np.flatnonzero(measured), swing[measured, axis]) for axis in (0, 1)], 1
    )
    poses = known(everywhere(straight))
    calm = smoothed(Poses(poses.keypoints, poses.confidence, measured), TIMES_S, ()).keypoints[:, 0]
    inner = slice(6, 52)
    assert np.abs(calm - swing)[inner].mean() < 0.8 * np.abs(straight - swing)[inner].mean()


def test_little_or_nothing() -> None:
    none = known(np.full((5, LANDMARKS, 2), np.nan, np.float32))
    assert np.isnan(smoothed(none, TIMES_S[:5], ()).keypoints).all()
    assert len(smoothed(known(np.zeros((0, LANDMARKS, 2), np.float32)), TIMES_S[:0], ())) == 0
    one = known(everywhere(line()[:1]))
    assert np.allclose(smoothed(one, TIMES_S[:1], ()).keypoints, one.keypoints)
