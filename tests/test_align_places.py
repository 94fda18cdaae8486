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
from utils.align.bars import Bars, inside, outside
from utils.align.labels import Label
from utils.align.matching import Matching, Places
from utils.align.placed import looked_for
from utils.align.placement import Placement
from utils.align.placing import found_placement
from utils.align.proxies import Luma, Pictures, Proxies
from utils.image import RGB
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


def barred(picture: RGB, sides: tuple[int, int, int, int]) -> RGB:
    """A picture with black bars of so many px, left, above, right and below."""
    left, top, right, bottom = sides
    framed = np.full_like(picture, 3)
    inner = slice(top, picture.shape[0] - bottom), slice(left, picture.shape[1] - right)
    framed[inner] = picture[inner]
    return framed


@pytest.mark.parametrize("sides", [(0, 22, 0, 22), (24, 0, 16, 0)])
def test_bars_of_a_foreground_do_not_move_it_and_are_told(sides: tuple[int, int, int, int], tmp_path: Path) -> None:
    """They are as they come with a film; what lies beneath them in the background moves."""
    case = replace(TRUE["offset"], name="barred", seconds=2.0, end_s=1.7, change=lambda each, _: barred(each, sides))
    pair = case.made(tmp_path)
    found = align(Proxies.of(pair.background), Proxies.of(pair.foreground))
    plain = replace(case, name="plain", change=lambda each, _: each).made(tmp_path)
    without = align(Proxies.of(plain.background), Proxies.of(plain.foreground))
    assert found.placement.differs_px(Placement(1.0, *pair.corner), pair.foreground.size) < 0.5
    assert found.placement.differs_px(without.placement, pair.foreground.size) < 0.15
    off = sure_errors(pair, found)
    assert len(off) > 0.95 * len(pair.truth) and off.max() < 0.5 and found.likeness > 0.97
    told = "22 px above and below" if sides[1] else "16 px right, 24 px left"
    assert found.remarks == (f"The foreground has black bars of about {told}, which are left out of what is compared.",)
    assert not without.remarks


def test_bars_of_both_clips_are_left_out_of_a_given_placement_too(tmp_path: Path) -> None:
    scene = Scene(pan_px=12.0)
    pictures = [scene.picture(index / 30) for index in range(60)]
    background = written(tmp_path / "b.mp4", [barred(each, (0, 20, 0, 20)) for each in pictures], Fraction(30), 20)
    own = [barred(each[34:146, 60:260], (15, 0, 15, 0)) for each in pictures[6:54]]
    foreground = written(tmp_path / "f.mp4", own, Fraction(30), 20)
    clips = Proxies.of(background), Proxies.of(foreground)
    given, true = Placement(1.0, 60.0, 34.0), np.arange(6, 54)
    for found in (align(*clips), align(*clips, given)):
        assert np.nanmax(np.abs(found.moments - true)) < 0.5 and len(found.remarks) == 2
        assert found.placement.differs_px(given, foreground.size) < 0.3
    assert align(*clips, given).placement.differs_px(given, foreground.size) < 1e-9


@pytest.mark.parametrize("width_px", [400, 433])
def test_what_lies_between_bars_keeps_its_place_in_every_size(width_px: int) -> None:
    """Also where the edges of bars lie within pixels of the reduced pictures."""
    size = Size(width_px, 300)
    down, across = np.mgrid[:150, :200].astype(np.float32)
    picture = (60 + 0.5 * across + 0.3 * down).astype(np.float32)
    picture[:12], picture[-9:] = 2, 2
    clip = Proxies(np.repeat(picture.round().astype(np.uint8)[None], 5, axis=0), np.arange(5) / 25, size)
    bars = Bars.of(clip)
    assert (bars.left, bars.right) == (0, 0) and (bars.top, bars.bottom) == (24, 18)
    inner = bars.without(clip)
    height = inner.size.height_px
    assert inner.size.width_px == width_px and height == 300 - 26 - 20 and inner.luma.shape[1:] == inner.luma[2].shape
    placement = Placement(1.0, 7.0, 9.0, 0.02)
    moved = outside(inside(placement, bars, Bars()), bars, Bars())
    assert moved.differs_px(placement, size) < 1e-9
    shown = placement.crop(inner.luma[0], inner, Size(100, 100), Size(50, 50))
    whole = outside(placement, bars, Bars()).crop(clip.luma[0], clip, Size(100, 100), Size(50, 50))
    assert np.abs(shown - whole).max() < 1
