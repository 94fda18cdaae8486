"""Looks on a film: the same picture from any chunk, steady in time, over b-roll and below what is written."""

from contextlib import closing
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from pipeline.finish.film.built import Builder
from pipeline.finish.film.chunks import CHUNK, FILM_CHUNK, FilmChunk
from pipeline.finish.film.files import Files, beside
from pipeline.finish.film.plan import plan_of
from pipeline.finish.moment import moment
from pipeline.finish.settings import FinishSettings
from pipeline.finish.story import Finished, finish
from pipeline.run import Run
from pipeline.stage import RunContext
from tests.films import CLEAR, SIZE, clip
from tests.looks import EVERY_LOOK
from utils.errors import SettingsError
from utils.film.film import Film, Showing
from utils.film.layer import Layer
from utils.film.repaint import JOIN, RUN, Repaint
from utils.image import Size
from utils.media.clip import Clip
from utils.media.colour import samples
from utils.media.intake import probe
from utils.media.timebase import Span
from utils.media.write import ClipWriter, Shape
from utils.store import Store

RATE, FRAMES, STEP_PX = Fraction(25), 110, 3
CUT = {"from_s": 2.0, "to_s": 2.4}
SETTINGS = FinishSettings().flat() | {"encode.x264_preset": "ultrafast"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A picture that moves evenly under noise, and b-roll."""
    place, noise = tmp_path_factory.mktemp("looks"), np.random.default_rng(0)
    width, height = SIZE.width_px + STEP_PX * FRAMES, SIZE.height_px
    ground = sum(cv2.GaussianBlur(noise.normal(0, 50 * sigma, (height, width, 3)), (0, 0), sigma) for sigma in (1, 4))
    with ClipWriter(place / "talk.mp4", Shape.steady(SIZE, RATE), CLEAR) as writer:
        for index in range(FRAMES):
            seen = 128 + ground[:, STEP_PX * index : STEP_PX * index + SIZE.width_px]
            noisy = seen + noise.normal(0, 2, seen.shape)
            writer.write(np.rint(noisy).clip(0, 255).astype(np.uint8), index)
    clip(place / "coffee.mp4", 40, RATE)
    (place / "said.srt").write_text("1\n00:00:00,400 --> 00:00:01,000\nThe first line\n")
    return place


@pytest.fixture(scope="module")
def source(folder: Path) -> Clip:
    return probe(folder / "talk.mp4")


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> RunContext:
    return RunContext(Store(tmp_path_factory.mktemp("cache")), SETTINGS)


def film(source: Clip, folder: Path, context: RunContext, **plan: Any) -> Film:
    built = Builder(plan_of(plan), source, Files(beside(folder), Run(context)), source.size).built()
    assert not built.events, built.events
    return built.film


def drawn(film: Film, span: Span) -> list[NDArray[np.uint8]]:
    """All planes of each picture of a span, one after the other, by a film that is opened for it."""
    showing = Showing(film)
    try:
        pictures = (picture.planes for picture in showing.pictures(span))
        return [np.concatenate([samples(plane).ravel() for plane in planes]) for planes in pictures]
    finally:
        showing.close()


def made(source: Clip, folder: Path, context: RunContext, plan: dict[str, Any]) -> Finished:
    return finish(source, plan_of(plan), beside(folder), context)


def test_a_frame_is_the_same_from_whichever_frame_drawing_begins(
    source: Clip, folder: Path, context: RunContext
) -> None:
    looked = film(
        source, folder, context, cut=[CUT], zoom={"most": 1.1}, broll=[{"file": "coffee.mp4", "at_s": 1, "seconds": 1}],
        looks=[{"look": "ink", "fade_s": 0.2}, {"look": "golden", "from_s": 0.5, "to_s": 3.9, "strength": 0.5}],
    )  # fmt: skip
    whole = drawn(looked, Span(0, len(looked)))
    assert len(whole) == FRAMES - 10
    for start in (1, 12, RUN, RUN + 3, RUN + JOIN, 49, 50, 60, 85, 99):
        some = drawn(looked, Span(start, min(len(looked), start + 3)))
        for index, planes in enumerate(some, start):
            assert np.array_equal(planes, whole[index]), (start, index)
    showing = Showing(looked)
    far = [samples(each.planes[0]).copy() for each in showing.pictures(Span(70, 72))]
    again = [samples(each.planes[0]).copy() for each in showing.pictures(Span(40, 42))]
    showing.close()
    luma = SIZE.area_px
    assert np.array_equal(far[1].ravel(), whole[71][:luma]) and np.array_equal(again[1].ravel(), whole[41][:luma])


def test_a_look_is_steadier_than_painting_alone_and_joins_of_its_runs_are_not_seen(
    source: Clip, folder: Path, context: RunContext
) -> None:
    looked = film(source, folder, context, looks=[{"look": "paint"}])
    (layer,) = looked.layers
    assert isinstance(layer, Repaint) and [run.start for run in layer.runs] == [0, 40, 80]
    seen = Span(24, 64)

    def changes(*layers: Layer) -> NDArray[np.float64]:
        """How much each frame differs from the one before, moved as the picture moves."""
        pictures = (planes[: SIZE.area_px] for planes in drawn(replace(looked, layers=layers), seen))
        luma = [each.reshape(SIZE.height_px, SIZE.width_px).astype(float)[20:-20] for each in pictures]
        moved = (after[:, 20 : -20 - STEP_PX] - before[:, 20 + STEP_PX : -20] for before, after in pairwise(luma))
        return np.array([np.square(each).mean() for each in moved])

    steady = changes(layer)
    painted = changes(*(replace(layer, span=Span(each, each + 1), _steady={}) for each in seen))
    assert np.median(steady) < 0.5 * np.median(painted)
    joined = steady[RUN - seen.start - 2 : RUN - seen.start + JOIN + 1]
    assert joined.max() < 1.4 * np.median(steady)
    assert len(layer._steady) == 1


def test_outside_its_time_and_without_strength_the_picture_is_as_it_was(
    source: Clip, folder: Path, context: RunContext
) -> None:
    bare = drawn(film(source, folder, context), span := Span(8, 30))
    look = {"look": "neon", "from_s": 0.6, "to_s": 1.0}
    looked = drawn(film(source, folder, context, looks=[look | {"fade_s": 0.08}]), span)
    change = [np.abs(a.astype(int) - b).mean() for a, b in zip(bare, looked, strict=True)]
    assert not any(change[:7]) and not any(change[17:])
    assert 0 < change[7] < change[8] < change[9] and change[16] < change[15] < change[14]
    half = drawn(film(source, folder, context, looks=[look | {"strength": 0.5}]), span)
    middle = np.abs(half[12].astype(int) - bare[12]).mean()
    assert middle == pytest.approx(change[12] / 2, rel=0.1)
    none = film(source, folder, context, looks=[look | {"strength": 0}])
    assert not none.layers


def test_it_lies_over_broll_and_below_titles(source: Clip, folder: Path, context: RunContext) -> None:
    broll = [{"file": "coffee.mp4", "at_s": 0, "seconds": 1, "fade_s": 0}]
    at = Span(10, 11)
    (plain,) = drawn(film(source, folder, context, broll=broll), at)
    (looked,) = drawn(film(source, folder, context, broll=broll, looks=[{"look": "neon"}]), at)
    assert looked[: SIZE.area_px].mean() < 0.7 * plain[: SIZE.area_px].mean()
    title = [{"text": "White", "from_s": 0, "to_s": 1, "fade_s": 0}]
    (titled,) = drawn(film(source, folder, context, broll=broll, looks=[{"look": "neon"}], titles=title), at)
    assert titled[: SIZE.area_px].max() >= 230 > looked[: SIZE.area_px].max()


@pytest.mark.parametrize("name", EVERY_LOOK)
def test_every_look_draws_on_an_odd_size(name: str, tmp_path: Path, context: RunContext) -> None:
    odd = clip(tmp_path / "odd.mp4", 3, RATE, size=Size(241, 135))
    plain, looked = (
        drawn(film(odd, tmp_path, context, looks=looks), Span(1, 2))[0] for looks in ([], [{"look": name}])
    )
    assert plain.shape == looked.shape and np.abs(plain.astype(int) - looked).mean() > 1


def test_a_chunk_is_encoded_again_when_its_look_changes_and_not_for_what_is_written_before_it(
    folder: Path, tmp_path: Path
) -> None:
    context = RunContext(Store(tmp_path / "cache"), SETTINGS)
    source = clip(tmp_path / "long.mp4", 300, RATE, size=Size(240, 96))
    plan = {"looks": [{"look": "noir"}], "subtitles": {"file": "said.srt"}}
    first = made(source, folder, context, plan)
    assert len(first.chunks) == 2 and first.encoded == 2 and not first.events
    assert made(source, folder, context, plan).encoded == 0
    with closing(Showing(first.film)) as showing:
        later = FilmChunk(first.film, first.film.chunks()[1], showing)
        alone = Run(RunContext(Store(tmp_path / "other"), SETTINGS)).take(FILM_CHUNK, chunk=later)
    assert alone.read_bytes(CHUNK) == first.chunks[1].read_bytes(CHUNK), "byte by byte, without the chunk before it"
    late = folder / "late.srt"
    late.write_text("1\n00:00:09,700 --> 00:00:09,960\nJust before the second chunk\n")
    assert made(source, folder, context, plan | {"subtitles": {"file": str(late)}}).encoded == 1
    for change in ({"look": "bleach"}, {"look": "noir", "strength": 0.9}, {"look": "noir", "seed": 1}):
        assert made(source, folder, context, plan | {"looks": [change]}).encoded == 2, change
    part = made(source, folder, context, plan | {"looks": [{"look": "noir", "from_s": 10.0}]})
    assert part.encoded == 2, "the second chunk does not continue a run of the first one any more"
    below = {"broll": [{"file": "coffee.mp4", "at_s": 9, "seconds": 0.9}]}
    assert made(source, folder, context, plan | below).encoded == 2, "the second chunk depends on frames before it"


def test_one_moment_shows_the_look_as_the_film_does(source: Clip, folder: Path, context: RunContext) -> None:
    shown = moment(source, plan_of({"looks": [{"look": "neon"}]}), beside(folder), context, 0.4)
    assert shown.after.mean() < 0.7 * shown.before.mean() and not shown.events
    plan, files = plan_of({"looks": [{"look": "neon"}]}), Files(beside(folder), Run(context))
    quick, whole = (Builder(plan, source, files, source.size, copied=copied).built().film for copied in (source, None))
    assert not quick.before(50)[0] and len(whole.before(50)[0]) == 50, "for one moment no others are drawn"
    alone, steadied = (drawn(each, Span(50, 51))[0].astype(int) for each in (quick, whole))
    assert np.abs(alone - steadied).mean() < 3


def test_what_is_wrong_with_a_look_is_said(source: Clip, folder: Path, context: RunContext) -> None:
    with pytest.raises(SettingsError, match=r"looks.0.look cannot be used: there is no look 'neom'; they are film, "):
        plan_of({"looks": [{"look": "neom"}]})
    gone = {"cut": [CUT], "looks": [{"look": "neon", "from_s": 2.1, "to_s": 2.3}]}
    (event,) = made(source, folder, context, gone).events
    assert event.sentence == "The look 'neon' is cut out, or comes after the end of the film."
