"""Looks: visible, calm in motion, at home at any size; references of every kind do no harm."""

import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from pipeline.engines import EngineError
from pipeline.engines.base import View
from pipeline.engines.looks import LOOKS, look
from pipeline.preview.frame_samples import frame_samples
from pipeline.see.open_clip import open_clip
from pipeline.settings import Settings
from pipeline.settings.making import Generate
from pipeline.stage import RunContext
from tests.engines import Painter
from tests.looks import EVERY_LOOK, OF_ONE_FRAME
from utils.image import RGB, Size
from utils.image.metrics import delta_e
from utils.project import PROJECT_ROOT
from utils.store import Store
from utils.walker import Scene, Shot, TrueFlow

pytestmark = pytest.mark.slow

SIZE = Size(640, 360)
PAIRS = (20, 45, 70)
"""Approach, hold, exit: each with the frame after it."""

LEAST_CHANGE = {
    "film": 8, "bleach": 25, "noir": 28, "golden": 14, "dusk": 26, "neon": 38, "autumn": 10, "winter": 23, "paint": 16,
    "watercolour": 17, "ink": 33, "charcoal": 28, "blueprint": 48, "cel": 15, "comic": 13, "riso": 27, "clay": 17,
    "bronze": 28, "marble": 38, "picture": 20,
}  # fmt: skip
"""Mean Delta E (CIE76) in the matte at full strength."""

LEAST_ON_FOOTAGE, FOOTAGE = 10, (
    "handheld_hikers_toward_camera.m4v", "sam2_juggler.mp4", "sam2_woman_and_dog.mp4", "sports2d_side_walk.mp4",
)  # fmt: skip
"""Median Delta E in the matte of real clips, at the default strength: another colour, by any measure."""

MOST_FLICKER = {
    "film": 1.0, "bleach": 0.9, "noir": 1.0, "golden": 0.95, "dusk": 0.75, "neon": 0.5, "autumn": 1.0, "winter": 0.8,
    "paint": 0.75, "watercolour": 0.75, "ink": 0.7, "charcoal": 0.75, "blueprint": 1.05, "cel": 1.05, "comic": 0.9,
    "riso": 1.0, "clay": 0.8, "bronze": 1.25, "marble": 0.4,
}  # fmt: skip
"""Warp error over the source's own; what makes the picture harder raises it by the square of that."""

MOST_BOIL = 1.0
"""How much of the sensor's noise comes through, over what was there."""

VARIED = (
    "golden", "dusk", "neon", "paint", "watercolour", "ink", "charcoal", "blueprint", "riso", "clay", "bronze",
    "marble",
)  # fmt: skip
"""Looks in which something is by chance."""

Filmed = tuple[dict[int, View], dict[int, TrueFlow]]


@pytest.fixture(scope="module")
def filmed() -> Filmed:
    scene = Scene(Shot(size=SIZE, frames=90))
    views = {}
    for index in sorted({*PAIRS, *(each + 1 for each in PAIRS)}):
        rgb, truth = scene.frame(index)
        views[index] = View(index, rgb, truth.matte, np.asarray(truth.keypoints, np.float32))
    return views, {index: scene.flow(index, index + 1) for index in PAIRS}


@pytest.fixture(scope="module")
def views(filmed: Filmed) -> list[View]:
    return list(filmed[0].values())


def small(width: int, height: int, matte: int | None = None) -> View:
    """A picture with something in it, and a person in the middle unless the matte is said to be flat."""
    rng = np.random.default_rng(width * height)
    rgb = cv2.resize(rng.integers(0, 255, (5, 7, 3), dtype=np.uint8), (width, height), interpolation=cv2.INTER_CUBIC)
    shape = np.zeros((height, width), np.uint8)
    if matte is None:
        shape[height // 5 :, width // 3 : width - width // 3] = 255
    else:
        shape[:] = matte
    return View(0, np.asarray(rgb), shape, np.full((33, 2), np.nan, np.float32))


def made(view: View, survey: list[View], reference: RGB | None = None, **generate: Any) -> RGB:
    return Painter.of(survey, reference, **generate)(view)


def lab(rgb: RGB) -> NDArray[np.float32]:
    return np.asarray(cv2.cvtColor(rgb.astype(np.float32) / 255, cv2.COLOR_RGB2Lab))


def warp_error(first: RGB, second: RGB, flow: TrueFlow, matte: NDArray[np.uint8]) -> float:
    """Mean squared difference where the matte is and both frames see the same."""
    rows, columns = np.indices(matte.shape, np.float32)
    x, y = columns + flow.vectors[..., 0], rows + flow.vectors[..., 1]
    warped = cv2.remap(second.astype(np.float32), x, y, cv2.INTER_LINEAR)
    seen = flow.valid & (matte > 200)
    return float(((warped - first) ** 2)[seen].mean())


def test_every_look_can_be_chosen_and_is_described() -> None:
    assert get_args(Generate.model_fields["look"].annotation) == tuple(LOOKS)
    help_text = Generate.model_fields["look"].description or ""
    for name, line in LOOKS.items():
        assert line.endswith(".") and len(line) < 120
        assert f"{name}: {line}" in help_text
    assert all(f"{name}`" in (PROJECT_ROOT / "README.md").read_text(encoding="utf-8") for name in LOOKS)
    assert {path.stem for path in (PROJECT_ROOT / "ui/static/looks").glob("*.jpg")} == set(LOOKS)
    with pytest.raises(EngineError, match="no look called 'oils'"):
        look("oils")


@pytest.mark.parametrize("name", EVERY_LOOK)
def test_the_change_is_seen(filmed: Filmed, views: list[View], name: str) -> None:
    changes = []
    for index in PAIRS:
        view = filmed[0][index]
        away = np.linalg.norm(lab(made(view, views, look=name)) - lab(view.rgb), axis=2)
        changes.append(away[view.matte > 200].mean())
    assert np.mean(changes) > LEAST_CHANGE[name]


@pytest.mark.parametrize("name", OF_ONE_FRAME)
def test_a_look_is_calm_in_motion(filmed: Filmed, views: list[View], name: str) -> None:
    """Without any help over time, and with the sensor's noise in the source."""
    known, flows = filmed
    paint = Painter.of(views, look=name)
    mine, theirs = [], []
    for index in PAIRS:
        first, second = known[index], known[index + 1]
        mine.append(warp_error(paint(first), paint(second), flows[index], first.matte))
        theirs.append(warp_error(first.rgb, second.rgb, flows[index], first.matte))
    assert sum(mine) / sum(theirs) < MOST_FLICKER[name]


@pytest.mark.parametrize("name", OF_ONE_FRAME)
def test_noise_does_not_boil(filmed: Filmed, views: list[View], name: str) -> None:
    """One frame under fresh noise of 1.6 grey levels each time."""
    rng, view = np.random.default_rng(4), filmed[0][45]
    inside = view.matte == 255
    first, second = (
        np.clip(np.rint(view.rgb + rng.normal(0, 1.6, view.rgb.shape)), 0, 255).astype(np.uint8) for _ in range(2)
    )
    paint = Painter.of(views, look=name)
    looks = [paint(replace(view, rgb=rgb)).astype(float) for rgb in (first, second)]
    boil = np.sqrt(((looks[0] - looks[1])[inside] ** 2).mean())
    noise = np.sqrt(((first.astype(float) - second)[inside] ** 2).mean())
    assert boil / noise < MOST_BOIL


@pytest.mark.parametrize("name", EVERY_LOOK)
def test_half_the_strength_lies_between(filmed: Filmed, views: list[View], name: str) -> None:
    view = filmed[0][45]
    half, full = (made(view, views, look=name, strength=share).astype(int) for share in (0.5, 1.0))
    assert np.abs(half - (view.rgb + full) / 2).max() <= 2


@pytest.mark.parametrize("name", EVERY_LOOK)
@pytest.mark.parametrize("part", ["person", "background", "both"])
@pytest.mark.parametrize("size", [(33, 21), (1, 1), (2, 67)], ids=str)
def test_any_size_is_painted(name: str, part: str, size: tuple[int, int]) -> None:
    view = small(*size)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = made(view, [view], look=name, apply_to=part)
    assert result.shape == view.rgb.shape and result.dtype == np.uint8


@pytest.mark.parametrize("name", EVERY_LOOK)
def test_nobody_and_only_somebody(name: str) -> None:
    """An empty matte changes nothing of a person; a full one everything."""
    empty, full = small(96, 64, matte=0), small(96, 64, matte=255)
    assert np.array_equal(made(empty, [empty], look=name), empty.rgb)
    assert np.array_equal(made(full, [full], look=name, apply_to="background"), full.rgb)
    assert np.abs(made(full, [full], look=name).astype(int) - full.rgb).mean() > 2


@pytest.mark.parametrize("name", EVERY_LOOK)
def test_no_survey_is_no_fault(name: str) -> None:
    view = small(64, 48)
    for reference in (None, flat(200, 90, 40)):
        assert made(view, [], reference, look=name).shape == view.rgb.shape


@pytest.mark.parametrize("name", OF_ONE_FRAME)
def test_textures_lie_still_when_crops_differ(filmed: Filmed, views: list[View], name: str) -> None:
    """The person of a view in a tighter crop of its picture."""
    view = replace(filmed[0][45], corner=(16, 8))
    left, top = 72, 41
    cut = (slice(top, None), slice(left, None))
    tight = View(view.index, view.rgb[cut], view.matte[cut], view.keypoints, (16 + left, 8 + top))
    assert tight.matte.any()
    wide, narrow = made(view, views, look=name), made(tight, views, look=name)
    assert np.abs(wide[cut].astype(int) - narrow).max() <= 2


@pytest.mark.parametrize("name", ["film", "noir", "paint", "watercolour", "ink", "charcoal", "cel", "comic"])
def test_a_look_lies_where_its_source_lies(filmed: Filmed, views: list[View], name: str) -> None:
    """By the shift that brings their brightness closest together; looks that are lit anew have none that says much."""
    view = filmed[0][45]
    painted = made(view, views, look=name, apply_to="both")
    here, there = (
        cv2.GaussianBlur(cv2.cvtColor(each, cv2.COLOR_RGB2GRAY), (0, 0), 1.2) for each in (view.rgb, painted)
    )
    done = (cv2.TERM_CRITERIA_COUNT + cv2.TERM_CRITERIA_EPS, 100, 1e-5)
    whole = np.full(view.matte.shape, 255, np.uint8)
    start = np.eye(2, 3, dtype=np.float32)
    _, found = cv2.findTransformECC(here, there, start, cv2.MOTION_TRANSLATION, done, whole, 1)
    assert isinstance(found, np.ndarray)
    assert np.abs(found[:, 2]).max() < 0.3


def test_seeds_vary_what_is_by_chance(views: list[View]) -> None:
    for name in VARIED:
        first, again, other = (made(views[0], views, look=name, seed=seed) for seed in (0, 0, 5))
        assert np.array_equal(first, again)
        assert not np.array_equal(first, other)


def test_the_change_fades_out_inside_the_edge(views: list[View]) -> None:
    view = views[2]
    near = (view.matte > 200) & (cv2.erode(view.matte, np.ones((5, 5))) < 200)
    hard, soft = (made(view, views, look="neon", feather_px=px).astype(int) for px in (0, 12))
    assert np.abs(soft - view.rgb)[near].mean() < 0.5 * np.abs(hard - view.rgb)[near].mean()
    assert np.array_equal(soft[view.matte == 0], view.rgb[view.matte == 0])


# references


def flat(*colour: int) -> RGB:
    return np.full((40, 60, 3), colour, np.uint8)


REFERENCES: dict[str, RGB] = {
    "grey": flat(128, 128, 128),
    "black": flat(0, 0, 0),
    "white": flat(255, 255, 255),
    "red": flat(220, 20, 20),
    "one pixel": flat(90, 120, 200)[:1, :1],
    "noise": np.random.default_rng(1).integers(0, 255, (50, 50, 3), dtype=np.uint8),
    "stripe": np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, axis=2),
}


@pytest.mark.parametrize("kind", REFERENCES)
@pytest.mark.parametrize("name", ["film", "paint", "ink"])
def test_no_reference_does_harm(views: list[View], kind: str, name: str) -> None:
    """No NaN, no false colour: a grey reference leaves no colour that it does not have."""
    reference = REFERENCES[kind]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = made(views[2], views, reference, look=name)
    inside = views[2].matte == 255
    if kind in ("grey", "black", "white", "stripe"):
        plain = lab(made(views[2], views, look=name))[inside]
        assert np.linalg.norm(lab(result)[inside].mean(axis=0)[1:]) < 12
        assert (
            np.linalg.norm(lab(result)[inside][:, 1:], axis=1).max() < 15 + np.linalg.norm(plain[:, 1:], axis=1).max()
        )
    if kind in ("grey", "black", "white", "red", "one pixel"):
        assert result[inside].astype(float).std(axis=0).max() > 1, "a flat reference does not wipe the person out"


def test_a_reference_gives_its_colours(views: list[View]) -> None:
    blue = np.clip(np.random.default_rng(2).normal((40, 80, 170), 25, (64, 64, 3)), 0, 255).astype(np.uint8)
    view = views[2]
    inside = view.matte == 255
    result, target = lab(made(view, views, blue, look="film", feather_px=0))[inside], lab(blue).reshape(-1, 3)
    before = lab(view.rgb)[inside]
    assert np.linalg.norm(result.mean(axis=0) - target.mean(axis=0)) < 8
    assert np.linalg.norm(before.mean(axis=0) - target.mean(axis=0)) > 30


@pytest.mark.parametrize("flat_source", [0, 128, 255])
def test_a_flat_source_stays_flat(flat_source: int) -> None:
    view = replace(small(64, 48, matte=255), rgb=np.full((48, 64, 3), flat_source, np.uint8))
    result = made(view, [view], REFERENCES["noise"], look="film")
    assert np.ptp(result.reshape(-1, 3), axis=0).max() <= 2


@pytest.fixture(scope="module")
def real_people(footage: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[View]]:
    """People of real clips, in some frames of each, as the app finds them before a job."""
    context = RunContext(Store(tmp_path_factory.mktemp("cache")), Settings.load().flat(), lambda progress: None)
    found = {}
    for name in FOOTAGE:
        samples = frame_samples(open_clip(footage / name, context), context)
        found[name] = [view for sample in samples.all if (view := sample.view(whole=False)) is not None]
    return found


@pytest.mark.footage
@pytest.mark.parametrize("name", EVERY_LOOK)
def test_nobody_overlooks_a_look_on_real_people(real_people: dict[str, list[View]], name: str) -> None:
    for clip, views in real_people.items():
        paint = Painter.of(views, look=name)
        away = [delta_e(paint(view), view.rgb)[view.matte > 250] for view in views]
        assert len(away) >= 4 and np.median(np.concatenate(away)) >= LEAST_ON_FOOTAGE, clip


@pytest.mark.parametrize("name", EVERY_LOOK)
def test_green_leaves_tell_the_season(name: str) -> None:
    """Leaves turn to rust in autumn, to white in winter, and to neither in any other look that keeps colours."""
    leaves = np.clip(np.random.default_rng(3).normal((70, 115, 45), 12, (64, 64, 3)), 0, 255).astype(np.uint8)
    view = replace(small(64, 64, matte=0), rgb=leaves)
    light, a, b = lab(made(view, [view], look=name, apply_to="background")).reshape(-1, 3).mean(axis=0)
    before = lab(leaves).reshape(-1, 3).mean(axis=0)
    if name == "autumn":
        assert a > 10 and b > 20
    elif name == "winter":
        assert light > before[0] + 15 and np.hypot(a, b) < 8
    elif name in ("film", "golden", "paint", "watercolour", "cel", "comic", "clay"):
        assert a < 5 and b > 10


def test_a_statue_is_of_one_material() -> None:
    """Cloth of any colour becomes the same metal, and the same stone."""
    colours = ((150, 40, 40), (40, 60, 150), (60, 120, 60))
    for name in ("bronze", "marble"):
        tints = []
        for colour in colours:
            rgb = np.clip(small(96, 64).rgb // 4 + np.array(colour), 0, 255).astype(np.uint8)
            view = replace(small(96, 64, matte=255), rgb=rgb)
            tints.append(lab(made(view, [view], look=name)).reshape(-1, 3).mean(axis=0)[1:])
        assert np.ptp(tints, axis=0).max() < 10, name


@pytest.mark.footage
def test_a_real_face_stays_a_face_in_grades(footage: Path) -> None:
    """Skin keeps its hue: warm, between red and yellow."""
    from utils.media.intake import probe
    from utils.media.video import ClipFrames

    rgb = next(iter(ClipFrames.of(probe(footage / "sam2_juggler.mp4")))).rgb
    view = View(0, rgb, np.full(rgb.shape[:2], 255, np.uint8), np.full((33, 2), np.nan, np.float32))
    values = lab(rgb)
    hue = np.degrees(np.arctan2(values[..., 2], values[..., 1]))
    skin = (
        (np.abs(hue - 50) < 12) & (np.hypot(values[..., 1], values[..., 2]) > 25) & (np.abs(values[..., 0] - 45) < 20)
    )
    assert skin.sum() > 500
    for name in ("film", "golden"):
        after = lab(made(view, [view], look=name, apply_to="both"))[skin]
        turned = np.degrees(np.arctan2(after[:, 2], after[:, 1]))
        assert np.abs(np.median(turned) - np.median(hue[skin])) < 14
