"""Engines that slide, replace, break their promises or are not ready, taken through the whole journey."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from pipeline.engines.base import Caps, EngineError, EngineFrame, Readiness, View, Window
from pipeline.report.journey import Journey
from pipeline.report.report import report
from tests.engines import Draw, Drawing, plain
from tests.journeys import bench, finished, journey, left_over, pictures, written
from tests.test_foot_track import pushed, runs
from utils.image import RGB
from utils.image.geometry import inverse
from utils.image.metrics import psnr_db
from utils.media.timebase import Span
from utils.media.video import Frame, Rolling
from utils.people.pose import ANKLES, HEELS, HIPS, KNEES, SHOULDERS, TOES
from utils.walker import Shot, Truth, walk

pytestmark = pytest.mark.slow

Doubles = NDArray[np.float64]
SHOT = Shot(size=(640, 360), frames=48)
SLIDE_PX = 6.0
"""12 px of 720 lines."""
FINE = 4
"""Parts of a pixel in which feet are looked for."""
COLOUR = np.array([40, 160, 70])
FILLED = np.array([128, 120, 110])


@dataclass(frozen=True)
class Walk:
    """The source and its truth."""

    shown: list[RGB]
    truths: list[Truth]
    path: Path
    cache: Path = field(repr=False)

    def stances(self, side: int) -> list[Span]:
        """Of some length, while the foot is in the picture."""
        down = np.array([truth.heel_down[side] | truth.toe_down[side] for truth in self.truths])
        return [span for span in runs(down) if len(span) > 8]


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Walk:
    folder = tmp_path_factory.mktemp("film")
    shown, truths = zip(*walk(SHOT), strict=True)
    return Walk(list(shown), list(truths), written(folder / "walk.mp4", shown), tmp_path_factory.mktemp("cache"))


def ways_px(film: Walk) -> Doubles:
    """n x 2 x 2: over each stance a foot slides evenly, the left one right and down, the right one left."""
    ways = np.zeros((SHOT.frames, 2, 2))
    for side, way in ((0, (0.9, 0.4)), (1, (-1.0, 0.1))):
        for span in film.stances(side):
            ways[span.start : span.stop, side] = np.linspace(0, SLIDE_PX, len(span))[:, None] * way
    return ways


def sliding(film: Walk) -> Drawing:
    """Leaves the source as it is, but for the feet."""
    ways = ways_px(film)

    def draw(view: View) -> EngineFrame:
        picture = view.rgb
        for side in (0, 1):
            picture = pushed(picture, view.keypoints.astype(float), side, ways[view.index, side])
        return EngineFrame(picture)

    return Drawing("sliding", lambda window: draw, Caps("frame", keeps_outside=True))


def slides_px(film: Walk, made: Journey) -> Doubles:
    """Of all stances, how far the result's foot is from its usual place beside the source's, which stands."""
    out = pictures(finished(made))
    ways = []
    for side in (0, 1):
        for span in film.stances(side):
            places = np.array([away_px(film.shown[i], out[i], film.truths[i], side) for i in span])
            ways.append(np.linalg.norm(places - np.median(places, axis=0), axis=1))
    return np.concatenate(ways)


def away_px(source: RGB, result: RGB, truth: Truth, side: int) -> Doubles:
    """How far the result's foot lies from the source's: the source's foot, cut out by truth, is looked for."""
    foot = truth.keypoints[[ANKLES[side], HEELS[side], TOES[side]]]
    other = truth.keypoints[[ANKLES[1 - side], HEELS[1 - side], TOES[1 - side]]]
    (left, top), (right, bottom) = np.floor(foot.min(axis=0)).astype(int) - 4, np.ceil(foot.max(axis=0)).astype(int) + 5
    rows, columns = np.mgrid[top:bottom, left:right]
    own, its = (np.hypot(columns - each.mean(axis=0)[0], rows - each.mean(axis=0)[1]) for each in (foot, other))
    mask = ((truth.matte[top:bottom, left:right] > 200) & (own < its)).astype(np.uint8)
    reach = round(1.5 * SLIDE_PX)
    piece = _fine(source[top:bottom, left:right])
    region = _fine(result[max(0, top - reach) : bottom + reach, max(0, left - reach) : right + reach])
    misses = cv2.matchTemplate(region, piece, cv2.TM_SQDIFF, mask=_fine(mask))
    y, x = np.unravel_index(np.argmin(misses), misses.shape)
    return np.array([x / FINE - min(reach, left), y / FINE - min(reach, top)])


def _fine(picture: NDArray[np.uint8]) -> NDArray[np.float32]:
    return np.asarray(cv2.resize(picture, None, fx=FINE, fy=FINE, interpolation=cv2.INTER_LINEAR), np.float32)


def test_feet_that_slide_are_held(film: Walk) -> None:
    """Against truth, and as the report says."""
    loose = journey(film.path, bench(film.cache, foot_lock__blend=0.0), sliding(film))
    held = journey(film.path, bench(film.cache), sliding(film))
    before, after = slides_px(film, loose), slides_px(film, held)
    assert before.mean() > 1
    assert after.mean() < 0.4 * before.mean() and np.percentile(after, 95) < 0.5 * np.percentile(before, 95)
    told = report(held)["slide_px"]
    assert told["locked"] and told["after"] < 0.5 * told["before"]


GAINS = ((0.90, 12.0), (1.06, -8.0), (0.95, -4.0))


def replacing(window: Window) -> Draw:
    """Somebody of ellipses in place of the person, and the colours of everything off, in each window otherwise."""
    gain, lift = GAINS[window.span.start % 3]

    def draw(view: View) -> EngineFrame:
        picture = view.rgb.copy()
        picture[cv2.dilate(view.matte, np.ones((9, 9), np.uint8)) > 0] = FILLED
        alpha = figure(view)
        picture[alpha > 0] = COLOUR
        return EngineFrame(np.clip(gain * picture.astype(float) + lift, 0, 255).round().astype(np.uint8), alpha)

    return draw


def figure(view: View) -> NDArray[np.uint8]:
    """A thin one at the joints."""
    alpha = np.zeros(view.rgb.shape[:2], np.uint8)
    bones = [(a[side], b[side]) for side in (0, 1) for a, b in ((SHOULDERS, HIPS), (HIPS, KNEES), (KNEES, ANKLES))]
    for start, stop in bones:
        one, other = view.keypoints[start], view.keypoints[stop]
        if np.isfinite([one, other]).all():
            x, y = (one + other) / 2
            dx, dy = other - one
            long = np.hypot(dx, dy) / 2
            cv2.ellipse(
                alpha, ((float(x), float(y)), (2 * long, 0.5 * long), float(np.degrees(np.arctan2(dy, dx)))), 255, -1
            )
    return alpha


def warming(window: Window) -> Draw:
    """Stronger reds and weaker blues in what is restyled, the background or all of the picture."""

    def draw(view: View) -> EngineFrame:
        warm = np.clip(view.rgb.astype(float) + np.array([20, 0, -20]), 0, 255).astype(np.uint8)
        kept = (view.matte > 0)[..., None] & (window.settings["generate.apply_to"] == "background")
        return EngineFrame(np.where(kept, view.rgb, warm))

    return draw


@pytest.fixture(scope="module")
def replaced(film: Walk) -> Journey:
    on = bench(film.cache, segments__count=3, segments__least_s=0.2)
    return journey(film.path, on, Drawing("replacing", replacing))


def rings(made: Journey, *, wider: bool) -> Iterator[Doubles]:
    """Around the person, how far a window's finished pictures are from the source, px x 3 levels.

    Either where the window before had pixels too, or where only the wider later one has.
    """
    known = None
    for window in made.frames.windows:
        span, box = window.plan.span, window.plan.box
        known = box if known is None else known & box
        for view, picture in zip(made.stable.views(span, box), window.frames(), strict=True):
            ring = cv2.dilate(view.matte, np.ones((41, 41), np.uint8)) == 0
            before = np.zeros_like(ring)
            before[known.top - box.top : known.bottom - box.top, known.left - box.left : known.right - box.left] = True
            ring &= ~before if wider else before
            yield picture.rgb[ring].astype(float) - view.rgb[ring]
        known = box


def test_all_windows_read_the_source_in_one_go(film: Walk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second start would decode again from the key frame before it, in every window."""
    starts, start = [], Rolling._start

    def counted(rolling: Rolling[Frame], index: int) -> None:
        starts.append(index)
        start(rolling, index)

    monkeypatch.setattr(Rolling, "_start", counted)
    made = journey(film.path, bench(tmp_path, segments__count=3, segments__least_s=0.2))
    assert len(made.frames.windows) == 3
    assert starts == [made.frames.windows[0].plan.span.start]


def test_colours_that_drift_are_brought_back(replaced: Journey) -> None:
    """They were off by up to 12 levels."""
    assert len(replaced.frames.windows) == 3
    assert all(window.colours_locked and window.facts["alpha"] for window in replaced.frames.windows)
    assert max(np.abs(away.mean(axis=0)).max() for away in rings(replaced, wider=False)) < 2.5


@pytest.mark.parametrize("part", ["background", "both"])
def test_what_is_restyled_keeps_its_new_colours(film: Walk, part: str) -> None:
    """The colours are matched to the source where that is kept: in the person, or nowhere."""
    settings: dict[str, Any] = {"segments__count": 3, "segments__least_s": 0.2, "generate__apply_to": part}
    made = journey(film.path, bench(film.cache, **settings), Drawing("warming", warming))
    for window in made.frames.windows:
        shown = zip(made.stable.views(window.plan.span, window.plan.box), window.frames(), strict=True)
        for view, picture in shown:
            ring = cv2.dilate(view.matte, np.ones((41, 41), np.uint8)) == 0
            warmer = (picture.rgb[ring].astype(float) - view.rgb[ring]).mean(axis=0)
            assert warmer[0] > 12 and warmer[2] < -12


def test_a_wider_window_is_whole(replaced: Journey) -> None:
    aways = [away for away in rings(replaced, wider=True) if len(away)]
    assert aways and max(np.abs(away.mean(axis=0)).max() for away in aways) < 4


def outline(made: Journey, index: int) -> NDArray[np.uint8]:
    """Where the new person is in a frame of the result."""
    drawn = next(each for each in made.frames if each.index == index)
    assert drawn.alpha is not None
    frame_to_crop = made.stable.frame_to_crop(index, drawn.box)
    return np.asarray(cv2.warpPerspective(drawn.alpha, inverse(frame_to_crop), SHOT.size))


@pytest.mark.parametrize("index", [8, 24, 40])
def test_somebody_else_stands_in_the_place_of_the_person(film: Walk, replaced: Journey, index: int) -> None:
    """The place comes through where the person was and nobody is now; farther off nothing changes."""
    source, truth = film.shown[index], film.truths[index]
    shown, alpha = pictures(finished(replaced))[index], outline(replaced, index)
    inside = cv2.erode(alpha, np.ones((7, 7), np.uint8)) > 250
    uncovered = (truth.matte > 250) & (cv2.dilate(alpha, np.ones((11, 11), np.uint8)) == 0)
    uncovered[round(np.nanmin(truth.keypoints[list(KNEES), 1])) :] = False
    far = cv2.dilate(cv2.max(truth.matte, alpha), np.ones((31, 31), np.uint8)) == 0
    assert inside.sum() > 1000 and uncovered.sum() > 1000
    assert np.abs(np.median(shown[inside], axis=0) - COLOUR).max() < 8
    assert psnr_db(shown, truth.plate, uncovered) > psnr_db(source, truth.plate, uncovered) + 8
    assert psnr_db(shown, source, far) > 33


def test_beside_its_person_nothing_of_an_engine_is_shown(film: Walk, replaced: Journey) -> None:
    out = pictures(finished(replaced))
    for index in (8, 24, 40):
        beside = cv2.dilate(outline(replaced, index), np.ones((15, 15), np.uint8)) == 0
        filled, bare = (
            np.abs(each.astype(int) - FILLED).max(axis=2) < 8 for each in (out[index], film.truths[index].plate)
        )
        assert (filled & ~bare & (film.truths[index].matte > 250) & beside).sum() < 120


def _too_few(made: Iterator[EngineFrame]) -> Iterator[EngineFrame]:
    for _ in range(5):
        yield next(made)


def _too_many(made: Iterator[EngineFrame]) -> Iterator[EngineFrame]:
    for each in made:
        yield each
    yield each


def _too_large(made: Iterator[EngineFrame]) -> Iterator[EngineFrame]:
    for each in made:
        yield EngineFrame(np.pad(each.rgb, ((0, 1), (0, 0), (0, 0))))


def _wrong_alpha(made: Iterator[EngineFrame]) -> Iterator[EngineFrame]:
    for each in made:
        yield EngineFrame(each.rgb, each.rgb)


def _failing(made: Iterator[EngineFrame]) -> Iterator[EngineFrame]:
    yield next(made)
    raise EngineError("The engine ran out of memory.", "Choose a smaller one.")


def _breaking(made: Iterator[EngineFrame]) -> Iterator[EngineFrame]:
    yield next(made)
    raise RuntimeError("CUDA error 700")


@pytest.mark.parametrize("keeps_outside", [True, False])
@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (_too_few, "made 5 of the 48 frames"),
        (_too_many, "made more of the 48 frames"),
        (_too_large, "where .* 8-bit pixels belong"),
        (_wrong_alpha, "8-bit"),
        (_failing, "out of memory.*Choose a smaller"),
        (_breaking, "CUDA error 700"),
    ],
)
def test_a_broken_promise_is_told_and_not_kept(
    film: Walk, spoil: Callable[[Iterator[EngineFrame]], Iterator[EngineFrame]], told: str, keeps_outside: bool
) -> None:
    on = bench(film.cache, segments__count=3, segments__least_s=1.0)
    caps = Caps("frame", keeps_outside=keeps_outside)
    wrong = Drawing(f"wrong{spoil.__name__}{keeps_outside}", plain, caps, spoil)
    with pytest.raises(Exception, match=told):
        journey(film.path, on, wrong)
    assert not [entry for entry in on.store.entries() if wrong.name in entry.stage]
    assert not left_over(on.store)


def test_after_a_broken_promise_the_next_run_is_right(film: Walk) -> None:
    on = bench(film.cache)
    caps = Caps("frame", is_edit_of_source=True, keeps_feet=True, keeps_outside=True)
    right = Drawing("mended", plain, caps)
    with pytest.raises(EngineError):
        journey(film.path, on, replace(right, spoil=_too_few))
    assert len(finished(journey(film.path, on, right))) == SHOT.frames


def test_an_engine_that_is_not_ready_says_why(film: Walk, tmp_path: Path) -> None:
    on = bench(tmp_path)
    never = Drawing("never", plain, ready=Readiness(False, "it needs 24 GB of GPU memory.", "Choose restyle."))
    with pytest.raises(EngineError) as caught:
        journey(film.path, on, never)
    assert str(caught.value) == "A test's own cannot run here: it needs 24 GB of GPU memory. Choose restyle."
    assert {entry.stage for entry in on.store.entries()} <= {"probe"}
