"""Looks are as steady as the source: what they make harder does not flicker more, and it is still seen."""

from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from pipeline.engines.base import View
from pipeline.engines.looks.contrast import limited_at_border, limited_contrast
from pipeline.engines.looks.kernels import mixed
from pipeline.engines.looks.picture import Picture
from pipeline.report.report import report
from tests.engines import Painter
from tests.journeys import bench, journey, with_settings
from tests.looks import EVERY_LOOK
from utils.flow import Flow, Search, flow_pair
from utils.image import RGB, Size, bounding_box
from utils.image.metrics import warp_error
from utils.image.temporal import Consistency, Steadiness
from utils.walker import Scene, Shot

SIZE = Size(640, 360)
STARTS, RUN = (12, 28, 44, 62), 5
"""Walking up, turning, standing, walking off: so many frames of each, one after the other."""
MOST = 1.15
"""Warp error over the source's own."""


@dataclass(frozen=True)
class Part:
    """Some frames of the clip, and between any two of them the source's motion as the report measures it."""

    views: list[View]
    flows: list[Flow]

    def sure(self, number: int) -> NDArray[np.bool_]:
        return halved(self.views[number].matte) > 250


def halved(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.asarray(cv2.resize(picture, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA))


@pytest.fixture(scope="module")
def parts() -> list[Part]:
    scene = Scene(Shot(size=SIZE, frames=90))
    return [part(scene, start) for start in STARTS]


def part(scene: Scene, start: int) -> Part:
    frames = [scene.frame(index) for index in range(start, start + RUN)]
    matte = np.maximum.reduce([truth.matte for _, truth in frames])
    person = bounding_box(matte)
    assert person
    box = person.grown(22, SIZE)
    views = [
        View(start + number, rgb[box.slices], truth.matte[box.slices], np.full((33, 2), np.nan, np.float32))
        for number, (rgb, truth) in enumerate(frames)
    ]
    grey = [cv2.cvtColor(halved(view.rgb), cv2.COLOR_RGB2GRAY) for view in views]
    flows = [flow_pair(grey[n], grey[n - 1], (1, 0), Search("fast", 1))[0] for n in range(1, RUN)]
    return Part(views, flows)


def errors(part: Part, pictures: list[RGB]) -> list[float]:
    small = [halved(picture) for picture in pictures]
    return [warp_error(small[n], small[n - 1], part.flows[n - 1], part.sure(n)) for n in range(1, RUN)]


@pytest.mark.parametrize("name", EVERY_LOOK)
def test_a_finished_look_is_as_steady_as_its_source(parts: list[Part], name: str) -> None:
    """The engine and what holds its frames together, as a window has it."""
    paint = Painter.of([part.views[0] for part in parts], look=name)
    mine, theirs = [], []
    for part in parts:
        steady = Consistency(Steadiness(), Search("fast", 1))
        finished = [steady.next(paint(view), view.rgb, view.matte) for view in part.views]
        mine += errors(part, finished)
        theirs += errors(part, [view.rgb for view in part.views])
    assert sum(mine) / sum(theirs) < MOST


def striped(dark: int, bright: int) -> RGB:
    """Stripes on the left, flat on the right."""
    rgb = np.full((96, 128, 3), (dark + bright) // 2, np.uint8)
    rgb[:, :64] = np.where(np.arange(96) // 4 % 2, bright, dark)[:, None, None]
    return rgb


def contrast(picture: RGB) -> float:
    return float(picture[24:72, 16:48].astype(float).std())


def whole(rgb: RGB) -> Picture:
    whole = np.full(rgb.shape[:2], 255, np.uint8)
    return Picture(rgb, whole, whole, (0, 0), 1.0, 1)


def test_a_mix_is_rounded_to_the_nearest_level() -> None:
    levels = np.arange(256)
    below, above = (np.repeat(each[..., None], 3, 2).astype(np.uint8) for each in np.meshgrid(levels, levels))
    for share in (0, 1, 60, 127, 128, 200, 254, 255):
        exact = (below * (255.0 - share) + above * float(share)) / 255
        assert np.array_equal(mixed(below, above, np.full((256, 256), share, np.uint8)), np.rint(exact))


def test_hard_texture_gets_no_harder() -> None:
    source, made = striped(80, 160), striped(20, 220)
    assert contrast(limited_contrast(made, whole(source), 1.0, 0)) == pytest.approx(contrast(source), rel=0.1)
    assert contrast(limited_contrast(made, whole(source), 0.8, 0)) == pytest.approx(0.8 * contrast(source), rel=0.1)


def test_colour_gets_no_harder_either() -> None:
    """Red and green of one brightness: flicker of colour is seen as well as flicker of light."""
    source, made = striped(100, 100), striped(100, 100)
    made[:, :64] = np.where((np.arange(96) // 4 % 2)[:, None, None], (190, 60, 70), (40, 140, 90))
    grey = cv2.cvtColor(made, cv2.COLOR_RGB2GRAY)[24:72, 16:48]
    assert grey.std() < 4 and made[24:72, 16:48, 0].std() > 60
    assert limited_contrast(made, whole(source), 1.0, 8)[24:72, 16:48, 0].std() < 14


def test_what_is_softer_or_small_stays_as_it_is() -> None:
    source = striped(80, 160)
    for made, most, free in ((striped(100, 140), 1.0, 0), (striped(60, 180), 0.0, 64)):
        assert np.array_equal(limited_contrast(made, whole(source), most, free), made)


def test_broad_changes_stay() -> None:
    """A grade that makes one side black and the other white is not taken back but for their border."""
    source = striped(120, 120)
    source[:, 64:] = 136
    made = np.where(source == 136, 255, 0).astype(np.uint8)
    result = limited_contrast(made, whole(source), 1.0, 0)
    assert np.array_equal(result[:, :40], made[:, :40]) and np.array_equal(result[:, 88:], made[:, 88:])


def test_what_is_painted_stands_out_from_what_is_filmed_as_its_source_did() -> None:
    """A grey figure on lighter grey, painted black: only its border gets lighter, and nothing where all is painted."""
    source = striped(150, 150)
    source[:, 64:] = 110
    shown = np.where(source[..., 0] == 110, 255, 0).astype(np.uint8)
    picture, black = replace(whole(source), shown=shown), np.zeros_like(source)
    made = limited_at_border(black, picture)
    seen = mixed(source, made, shown)[48, :, 0].astype(int)
    assert seen[63] - seen[65] < 0.75 * 150, "less of a step than between black and what was filmed"
    assert np.all(np.diff(made[48, 64:, 0].astype(int)) <= 0) and not made[:, 104:].any()
    assert np.array_equal(limited_at_border(black, whole(source)), black)


@pytest.mark.slow
@pytest.mark.footage
@pytest.mark.parametrize("name", ["shaky_skater.mp4", "sports2d_side_walk.mp4"])
def test_looks_that_were_the_least_steady_are_so_on_real_clips(name: str, footage: Path, tmp_path: Path) -> None:
    """As the report measures it: small and dark before ice, and a jump against the sky."""
    on = bench(tmp_path / "cache", "balanced", trim__from_s=2.0, trim__to_s=2.8)
    for look in ("paint", "riso", "bronze"):
        numbers = report(journey(footage / name, with_settings(on, generate__look=look)))
        assert numbers["warp_error"]["ratio"] <= 1.2, look
        assert numbers["edit_magnitude"] >= 10, look
