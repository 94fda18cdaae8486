"""Paths of long pairs: coarse in time first, then in a narrow band, as exact as with all pairs and in little memory."""

import tracemalloc
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.aligned import Scene
from utils.align.features import candidates
from utils.align.fingerprints import Fingerprints, Kept
from utils.align.grid import Grid
from utils.align.levels import Level, Rules, found_path, levels_of
from utils.align.path import Band, Frames, best_path
from utils.align.proxies import LEAST_WIDTH_PX, MOST_BYTES, WIDTH_PX, Proxies, StoredPictures, proxy_size
from utils.align.scan import scanned
from utils.size import Size

CELLS = Size(16, 9)
ALL_PAIRS = [Level(1, 1)]


def clips(frames: int, shown: Frames, noise: float = 0.2) -> Fingerprints:
    """A background whose pictures change steadily and never come back, and a foreground that shows some of them."""
    random = np.random.default_rng(5)
    keys = random.normal(size=(frames // 12 + 2, CELLS.area_px))
    places = np.linspace(0, len(keys) - 1, frames)
    pictures = np.stack([np.interp(places, np.arange(len(keys)), column) for column in keys.T], axis=1)
    own = pictures[shown] + noise * random.normal(size=(len(shown), CELLS.area_px))
    both: list[Kept] = [np.rint(100 * each).astype(np.int16) for each in (pictures, own)]
    return Fingerprints(both[0], both[1], np.ones(CELLS.area_px, np.float32), Grid(CELLS))


CUT = np.concatenate([np.arange(40, 500), np.arange(620, 900), np.repeat(np.arange(900, 960), 2)])
"""Time runs on, jumps over 120 frames, and later runs at half speed."""


@pytest.mark.parametrize("pairs", [60_000, 12_000])
def test_levels_find_what_all_pairs_show(pairs: int) -> None:
    prints, rules = clips(1000, CUT), Rules(1.0, {})
    levels = levels_of(1000, len(CUT), rules.ratio, pairs)
    assert len(levels) >= 2 and levels[-1] == Level(1, 1)
    path, _, _ = found_path(prints, rules, levels)
    whole, _, _ = found_path(prints, rules, ALL_PAIRS)
    assert np.abs(path.frames - CUT).max() <= 2 and list(path.jumps.nonzero()[0]) == list(whole.jumps.nonzero()[0])


def test_a_long_pair_needs_little_memory() -> None:
    """All pairs would take 32 million numbers for each of six steps; the pictures themselves take 3 MB."""
    shown = np.arange(300, 5900)
    prints = clips(6000, shown)
    tracemalloc.start()
    path, _, _ = found_path(prints, Rules(1.0, {}))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert np.abs(path.frames - shown).max() <= 1
    assert peak < 120 << 20, f"{peak >> 20} MB"


def test_levels_hold_the_same_time_in_both_clips() -> None:
    """24 and 60 frames a second: two and a half times as many of the second are one frame."""
    coarse = levels_of(36_000, 14_400, 2.5)[0]
    assert abs(coarse.background / coarse.foreground / 2.5 - 1) < 0.1


def test_anchors_hold_and_reordered_stretches_are_found_when_asked_for() -> None:
    shown = np.concatenate([np.arange(500, 700), np.arange(100, 300)])
    prints = clips(800, shown)
    forward, _, _ = found_path(prints, Rules(1.0, {}))
    assert (np.abs(forward.frames - shown) <= 1).mean() < 0.6, "time does not run backwards by itself"
    free, _, _ = found_path(prints, Rules(1.0, {}, reorder=True))
    assert np.abs(free.frames - shown).max() <= 1 and list(free.jumps.nonzero()[0]) == [200]
    held, _, _ = found_path(prints, Rules(1.0, {300: 350}))
    assert held.frames[300] == 350


def test_what_goes_on_after_frames_that_show_nothing_is_no_jump() -> None:
    """As where every fifth frame lies between two of a shaking background, and is like neither."""
    own = [index if index % 5 else -1 for index in range(1, 20)] + [30, 31, 32]
    costs = [np.array([1.0 if place == shown else 40.0 for place in range(40)], np.float32) for shown in own]
    path = best_path(Band([np.arange(40)] * len(own), costs), 1.0)
    assert list(path.frames) == own and list(np.flatnonzero(path.jumps)) == [19]


def test_pictures_are_read_from_a_file_one_by_one(tmp_path: Path) -> None:
    pictures = np.random.default_rng(1).integers(0, 255, (7, 5, 9), np.uint8)
    np.save(tmp_path / "luma.npy", pictures)
    stored = StoredPictures(tmp_path / "luma.npy")
    assert len(stored) == 7 and all((stored[index] == pictures[index]).all() for index in (6, 0, 3))
    with pytest.raises(IndexError):
        stored[7]


def test_the_pictures_of_a_long_clip_are_narrower() -> None:
    size = Size(1280, 720)
    assert proxy_size(size, 480) == Size(WIDTH_PX, 180)
    long = proxy_size(size, 36_000)
    assert 200 < long.width_px < WIDTH_PX and long.area_px * 36_000 < 1.02 * MOST_BYTES
    assert proxy_size(size, 10**6).width_px == LEAST_WIDTH_PX and proxy_size(Size(64, 48), 480) == Size(64, 48)


def test_a_frame_is_found_in_a_long_clip_wherever_it_lies() -> None:
    """Under a camera that pans, frames of any two moments have features in common, but in a wrong place."""
    scene, rate = Scene(size=Size(160, 90), pan_px=40.0), 5
    pictures = np.array([cv2.cvtColor(scene.picture(index / rate), cv2.COLOR_RGB2GRAY) for index in range(150)])
    background = Proxies(pictures, np.arange(150) / rate, Size(320, 180))
    foreground = Proxies(pictures[20:100, 10:70, 30:130], np.arange(80) / rate, Size(200, 120))
    assert scanned(background, foreground, 1.0, [3, 40, 77]) == [23, 60, 97]
    best = max(candidates(background, foreground), key=lambda each: each.agreeing).placement
    assert abs(best.left - 60) < 1 and abs(best.top - 20) < 1 and abs(best.scale - 1) < 0.01
