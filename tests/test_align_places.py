"""How a foreground is placed: refined always, where it is off, or never; found in few frames; and without its bars."""

from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.aligned import Pair, Scene, written
from tests.aligned_cases import MATRIX, TRUE
from utils.align.alignment import Alignment, align
from utils.align.labels import Label
from utils.align.matching import Matching, Places
from utils.align.placed import looked_for
from utils.align.placement import Placement
from utils.align.placing import found_placement
from utils.align.proxies import Luma, Pictures, Proxies
from utils.size import Size

pytestmark = pytest.mark.slow

Clips = tuple[Proxies, Proxies]


@pytest.fixture(scope="module")
def easy(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    """Half a second later."""
    return TRUE["offset"].made(tmp_path_factory.mktemp("easy"))


@pytest.fixture(scope="module")
def clips(easy: Pair) -> Clips:
    return Proxies.of(easy.background), Proxies.of(easy.foreground)


def sure_errors(pair: Pair, found: Alignment) -> NDArray[np.float64]:
    sure = np.array([label is Label.SURE for label in found.labels])
    return np.asarray(np.abs(found.moments - pair.truth)[sure], np.float64)


@pytest.mark.parametrize("places", ["auto", "scale"])
def test_a_good_placement_is_kept_as_it_was_found(places: Places, easy: Pair, clips: Clips) -> None:
    """Its times know less than those of a refined one, and say so."""
    found, refined = (align(*clips, None, Matching(places=each)) for each in (places, "precise"))
    assert found.placement == found_placement(*clips) != refined.placement and not found.remarks
    off = sure_errors(easy, found)
    assert len(off) > 0.95 * len(easy.truth) and off.max() < 0.5
    assert np.nanmedian(found.sigma) > 1.2 * np.nanmedian(refined.sigma)


def test_a_placement_that_is_off_is_refined_by_auto_and_told_by_scale(tmp_path: Path) -> None:
    """A foreground that is turned by one degree."""
    pair = MATRIX["turned"].made(tmp_path)
    clips = Proxies.of(pair.background), Proxies.of(pair.foreground)
    precise, auto, scale = (align(*clips, None, Matching(places=each)) for each in ("precise", "auto", "scale"))
    assert auto.placement == precise.placement and not auto.remarks
    assert np.array_equal(auto.moments, precise.moments, equal_nan=True)
    assert abs(abs(np.degrees(precise.placement.turn)) - 1) < 0.03
    assert scale.placement == found_placement(*clips).upright(pair.foreground.size)
    assert scale.placement.turn == 0 and "may be off by" in scale.remarks[0]
    away = np.abs(scale.moments - pair.truth)
    assert np.nanmean(away < 2 * scale.sigma) > 0.9, "what it is off is in its uncertainty"


@dataclass
class Counted:
    """Pictures that know which of them were read."""

    pictures: Pictures
    read: set[int] = field(default_factory=set)

    @property
    def shape(self) -> tuple[int, ...]:
        return self.pictures.shape

    def __len__(self) -> int:
        return len(self.pictures)

    def __getitem__(self, index: int) -> Luma:
        self.read.add(index)
        return self.pictures[index]


@pytest.mark.parametrize("most", [12, 60])
def test_a_placement_is_looked_for_in_few_frames(most: int, easy: Pair, clips: Clips) -> None:
    counted = [replace(clip, luma=Counted(clip.luma)) for clip in clips]
    found = looked_for(counted[0], counted[1], Matching(most_keyframes=most))
    read = [len(clip.luma.read) for clip in counted if isinstance(clip.luma, Counted)]
    assert max(read) <= most, read
    assert found.differs_px(Placement(1.0, *easy.corner), easy.foreground.size) < 2
    known = align(*clips, None, Matching(most_keyframes=most))
    off = sure_errors(easy, known)
    assert len(off) > 0.95 * len(easy.truth) and off.max() < 0.5 and not known.remarks
    assert known.placement.differs_px(Placement(1.0, *easy.corner), easy.foreground.size) < 0.5


def test_all_frames_are_looked_at_where_few_do_not_show_the_placement(tmp_path: Path) -> None:
    """Half a second of ten belongs to the foreground; the rest is another place, and few frames are all of that."""
    scene, other, rate = Scene(), Scene(seed=5), 20
    pictures = [(scene if 61 <= index < 79 else other).picture(index / rate) for index in range(200)]
    background = written(tmp_path / "behind.mp4", pictures, Fraction(rate), 20)
    own = [picture[34:146, 60:260] for picture in pictures[61:79]]
    foreground = written(tmp_path / "own.mp4", own, Fraction(rate), 20)
    found = align(Proxies.of(background), Proxies.of(foreground), None, Matching(most_keyframes=5))
    assert "in all frames, for 5 of the background" in found.remarks[0]
    assert np.abs(found.moments - np.arange(61, 79)).max() < 0.5


def test_a_placement_is_made_upright_around_its_middle() -> None:
    turned = Placement(0.5, 40.0, 30.0, 0.1)
    upright, middle = turned.upright(Size(200, 100)), np.array([100, 50, 1.0])
    assert upright.turn == 0 and np.allclose(upright.matrix @ middle, turned.matrix @ middle)
