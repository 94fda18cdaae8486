"""The first look: that it finds the person, shows what the journey shows, and keeps what it saw for the next style."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from pipeline.preview.frame import FramePreview, preview_frame
from pipeline.preview.frame_samples import SAMPLE_FRAMES, Sample, _sample_indices, frame_samples
from pipeline.preview.moment import clearest, worth_of
from pipeline.see.open_clip import open_clip
from pipeline.stage import RunContext
from tests.journeys import bench, finished, journey, written
from utils.image import RGB, Size
from utils.media.clip import Clip
from utils.media.video import ClipFrames
from utils.people.facing import facing
from utils.people.subject import SAMPLE_COUNT, sample_indices
from utils.progress import Progress
from utils.walker import Shot, Truth, walk

pytestmark = pytest.mark.slow

Walked = list[tuple[RGB, Truth]]
SHOT = Shot(size=(640, 360), frames=40)


@pytest.fixture(scope="module")
def walked() -> Walked:
    return list(walk(SHOT))


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def path(walked: Walked, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("film") / "walk.mp4", [rgb for rgb, _ in walked])


@pytest.fixture(scope="module")
def ink(cache: Path) -> RunContext:
    return bench(cache, generate__look="ink")


@pytest.fixture(scope="module")
def clip(path: Path, ink: RunContext) -> Clip:
    return open_clip(path, ink)


@pytest.fixture(scope="module")
def look(clip: Clip, ink: RunContext) -> FramePreview:
    return preview_frame(clip, ink)


@pytest.fixture(scope="module")
def samples(look: FramePreview, clip: Clip, ink: RunContext) -> tuple[Sample, ...]:
    return frame_samples(clip, ink).all


def psnr(one: RGB, other: RGB) -> float:
    return float(10 * np.log10(255**2 / np.mean((one.astype(float) - other) ** 2)))


def test_the_person_is_found_as_they_truly_are(
    samples: tuple[Sample, ...],
    walked: Walked,
) -> None:
    assert [each.index for each in samples] == sample_indices(SHOT.frames)
    for sample in samples:
        truth = walked[sample.index][1].matte > 127
        if truth.any() and not (truth[:, 0].any() or truth[:, -1].any() or truth[-1].any()):
            found = sample.matte > 127
            assert (truth & found).sum() > 0.9 * (truth | found).sum()


def test_the_frame_is_one_in_which_the_person_is_large_and_whole(
    look: FramePreview,
    walked: Walked,
    samples: tuple[Sample, ...],
) -> None:
    areas = {each.index: np.count_nonzero(walked[each.index][1].matte > 127) for each in samples}
    assert areas[look.index] > 0.75 * max(areas.values())
    matte = walked[look.index][1].matte
    assert not matte[:, 0].any() and not matte[:, -1].any() and not matte[-1].any()
    assert look.person_share == look.found_in / look.looked_at > 0.7
    assert look.events == ()


def test_who_is_cut_off_or_half_hidden_counts_less() -> None:
    def sample(left: int, hidden: int) -> Sample:
        matte = np.zeros((90, 160), np.uint8)
        matte[10:80, left : left + 30] = 255
        joints = np.full((33, 2), 40, np.float32)
        joints[:hidden] = np.nan
        return Sample(0, np.zeros((90, 160, 3), np.uint8), matte, joints)

    assert worth_of(sample(50, 0)) > worth_of(sample(50, 8)) > worth_of(sample(0, 8)) > 0
    assert worth_of(sample(50, 0)) > worth_of(sample(0, 0))


def test_the_frame_is_one_in_which_the_person_faces_the_camera(walked: Walked, look: FramePreview) -> None:
    assert look.index < SHOT.phases[1], "not one of those in which they walk off"
    assert facing(walked[look.index][1].keypoints) > 0.9


def test_only_the_person_is_changed(look: FramePreview, samples: tuple[Sample, ...]) -> None:
    matte = next(each.matte for each in samples if each.index == look.index)
    changed = (look.after != look.before).any(axis=2)
    assert not changed[matte == 0].any()
    assert changed[matte == 255].mean() > 0.8


def test_it_is_what_the_journey_makes(
    look: FramePreview, path: Path, ink: RunContext, samples: tuple[Sample, ...]
) -> None:
    made = journey(path, ink)
    (frame,) = ClipFrames.of(finished(made)).read([look.index])
    (matte,) = made.stable.analysis.mattes([look.index])
    inside = (matte > 200) & (next(each.matte for each in samples if each.index == look.index) > 200)
    near, edit = psnr(frame.rgb[inside], look.after[inside]), psnr(look.before[inside], look.after[inside])
    assert near > 25 and near > edit + 10


def test_another_style_looks_at_no_frame_again(clip: Clip, cache: Path, look: FramePreview) -> None:
    heard: list[Progress] = []
    other = preview_frame(clip, bench(cache, "quality", heard.append, generate__look="noir"))
    assert [each.note for each in heard if each.ended] == ["from the cache"]
    assert other.index == look.index and (other.before == look.before).all()
    assert (other.after != look.after).any()


def test_the_rule_for_the_subject_is_part_of_what_was_seen(ink: RunContext, clip: Clip) -> None:
    settings = dict(ink.settings)
    inputs = {"clip": clip}
    same = {**settings, "generate.look": "clay", "composite.feather_px": 9}
    assert SAMPLE_FRAMES.key(settings, inputs, {}) == SAMPLE_FRAMES.key(same, inputs, {})
    assert SAMPLE_FRAMES.key(settings, inputs, {}) != SAMPLE_FRAMES.key(
        {**settings, "analysis.subject": "central"}, inputs, {}
    )


@pytest.mark.parametrize(("part", "inside", "outside"), [("background", False, True), ("both", True, True)])
def test_the_part_that_is_restyled(
    clip: Clip, cache: Path, part: str, inside: bool, outside: bool, samples: tuple[Sample, ...]
) -> None:
    made = preview_frame(clip, bench(cache, generate__look="noir", generate__apply_to=part))
    matte = next(each.matte for each in samples if each.index == made.index)
    changed = (made.after != made.before).any(axis=2)
    assert (changed[matte == 255].mean() > 0.5) == inside
    assert (changed[matte == 0].mean() > 0.5) == outside


def test_strength_nought_leaves_the_frame(clip: Clip, cache: Path) -> None:
    made = preview_frame(clip, bench(cache, generate__strength=0.0))
    assert (made.after == made.before).all()


def test_a_plate_is_told_of(clip: Clip, cache: Path) -> None:
    made = preview_frame(clip, bench(cache, composite__background="plate"))
    assert "clean background" in made.events[0]


def test_a_moment_of_choice(clip: Clip, ink: RunContext, walked: Walked) -> None:
    share = 17 / (len(clip) - 1)
    made = preview_frame(clip, ink, share)
    assert made.index == 17
    (frame,) = ClipFrames.of(clip).read([17])
    assert (made.before == frame.rgb).all()
    changed, truth = (made.after != made.before).any(axis=2), walked[17][1].matte > 127
    assert (changed & truth).sum() > 0.8 * (changed | truth).sum()


@pytest.fixture(scope="module")
def empty(walked: Walked, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The place, with nobody in it."""
    width, height = SHOT.size
    place = [np.ascontiguousarray(truth.plate[:height, :width]) for _, truth in walked[:12]]
    return written(tmp_path_factory.mktemp("film") / "empty.mp4", place)


def test_where_nobody_is_the_whole_picture_is_restyled_and_that_is_told(empty: Path, ink: RunContext) -> None:
    made = preview_frame(open_clip(empty, ink), ink)
    assert made.person_share == 0
    assert made.events == ("Nobody was found in the 5 frames looked at, so the whole picture is restyled.",)
    assert (made.after != made.before).any(axis=2).mean() > 0.8


def test_a_moment_without_the_person_stays_as_it_is(
    walked: Walked,
    empty: Path,
    ink: RunContext,
    tmp_path: Path,
) -> None:
    width, height = SHOT.size
    place = np.ascontiguousarray(walked[0][1].plate[:height, :width])
    shown = [rgb for rgb, _ in walked[10:30]] + [place] * 20
    clip = open_clip(written(tmp_path / "gone.mp4", shown), ink)
    made = preview_frame(clip, ink, 37 / 39)
    assert made.found_in and (made.after == made.before).all()
    assert made.events == ("The person was not found in this frame: there it stays as it is.",)


def test_large_clips_are_looked_at_smaller(
    walked: Walked,
    ink: RunContext,
    tmp_path: Path,
) -> None:
    shown = [cv2.resize(rgb, (900, 1600), interpolation=cv2.INTER_LINEAR) for rgb, _ in walked[15:20]]
    made = preview_frame(open_clip(written(tmp_path / "tall.mp4", shown), ink), ink)
    assert made.after.shape == made.before.shape == (1280, 720, 3)


def test_long_clips_are_looked_at_where_that_is_quick(clip: Clip) -> None:
    keys = tuple(range(0, 9000, 240))
    long = replace(clip, pts=tuple(range(9000)), keys=keys, key_bytes=keys, size=Size(1920, 1080), seekable=True)
    wanted = _sample_indices(long)
    assert set(wanted) <= set(keys) and len(wanted) == SAMPLE_COUNT
    assert max(abs(one - other) for one, other in zip(wanted, sample_indices(9000), strict=True)) <= 9000 / (
        2 * SAMPLE_COUNT
    )
    assert _sample_indices(replace(long, keys=(0,), key_bytes=(0,))) == sample_indices(9000)
    assert _sample_indices(replace(long, keys=tuple(range(9000)), key_bytes=tuple(range(9000)))) == sample_indices(9000)
    assert _sample_indices(clip) == sample_indices(len(clip))


@pytest.fixture
def juggler(footage: Path, tmp_path: Path) -> Iterator[Clip]:
    on = bench(tmp_path)
    yield open_clip(footage / "sam2_juggler.mp4", on)


@pytest.mark.footage
def test_a_real_person_is_found_in_every_frame_looked_at(juggler: Clip, tmp_path: Path) -> None:
    made = preview_frame(juggler, bench(tmp_path, generate__look="cel"))
    assert made.found_in == made.looked_at == SAMPLE_COUNT
    changed = (made.after != made.before).any(axis=2)
    assert 0.05 < changed.mean() < 0.2
    assert changed[:, 400:1000].sum() > 0.99 * changed.sum()


@pytest.mark.footage
@pytest.mark.parametrize(
    ("name", "turned_away"),
    [
        ("sam2_juggler.mp4", range(205, 247)),
        ("sam2_woman_and_dog.mp4", range(265, 289)),
        ("handheld_hikers_toward_camera.m4v", range(300, 340)),
        ("shaky_skater.mp4", range(100, 150)),
    ],
)
def test_of_a_real_clip_a_moment_is_shown_in_which_somebody_faces_the_camera(
    footage: Path, tmp_path: Path, name: str, turned_away: range
) -> None:
    """The frames in which they look away were read by eye."""
    on = bench(tmp_path)
    clip = open_clip(footage / name, on)
    samples = frame_samples(clip, on).all
    best = clearest(samples)
    assert best.box and best.index not in turned_away
    assert facing(best.keypoints) > 0.75
    assert best.box.size.height_px > 0.5 * max(sample.box.size.height_px for sample in samples if sample.box)
