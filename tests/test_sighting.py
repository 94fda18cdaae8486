"""The person is seen in every frame of a walk, steadily the same one, and nobody where nobody is."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from utils.image import RGB, Size
from utils.media.intake import probe
from utils.media.video import ClipFrames, Frame
from utils.people.follow import Follower
from utils.people.model import Body, PoseModel, models
from utils.people.pose import ANKLES, HIPS, SHOULDERS
from utils.people.sighting import LOST_FRAMES, Sighting, sightings
from utils.people.subject import Colours, Place, Subject, choose_subject, colour_histogram, find_people
from utils.walker import Shot, Truth, walk

pytestmark = pytest.mark.slow

SIZE = Size(640, 360)
Filmed = tuple[list[RGB], list[Truth]]


@pytest.fixture(scope="module")
def filmed() -> Filmed:
    """The walker comes near, and somebody passes behind."""
    pictures, truths = zip(*walk(Shot(size=SIZE, frames=90, second_person=True)), strict=True)
    return list(pictures), list(truths)


@pytest.fixture(scope="module")
def seen(filmed: Filmed) -> list[Sighting]:
    return look(filmed[0])


@pytest.fixture(scope="module")
def seen_in_thirds(filmed: Filmed) -> list[Sighting]:
    return look(filmed[0], every=3)


def framed(pictures: list[RGB]) -> Iterator[Frame]:
    return (Frame(index, 512 * index, picture) for index, picture in enumerate(pictures))


def look(pictures: list[RGB], every: int = 1, subject: Subject | None = None) -> list[Sighting]:
    return list(sightings(framed(pictures), every=every, subject=subject))


def likeness(mask: NDArray[np.uint8], truth: NDArray[np.uint8]) -> float:
    a, b = mask > 127, truth > 127
    return float((a & b).sum() / max(1, (a | b).sum()))


def test_every_frame_is_seen_once_and_in_order(filmed: Filmed, seen: list[Sighting]) -> None:
    assert [each.frame.index for each in seen] == list(range(len(filmed[0])))
    assert all(each.frame.rgb is picture for each, picture in zip(seen, filmed[0], strict=True))
    assert all(each.measured and not each.cut for each in seen)


def test_the_person_is_where_they_are(filmed: Filmed, seen: list[Sighting]) -> None:
    likenesses = [likeness(each.mask, truth.matte) for each, truth in zip(seen, filmed[1], strict=True)]
    assert min(likenesses) > 0.88 and np.mean(likenesses) > 0.94
    misses = np.array([each.keypoints - truth.keypoints for each, truth in zip(seen, filmed[1], strict=True)])
    typical_px = np.nanmedian(np.linalg.norm(misses, axis=-1), axis=0)
    assert typical_px[[*SHOULDERS, *HIPS, *ANKLES]].max() < 7
    assert all((each.confidence[np.isnan(each.keypoints[:, 0])] == 0).all() for each in seen)


def test_filled_frames_are_as_good_as_measured_ones(
    filmed: Filmed, seen: list[Sighting], seen_in_thirds: list[Sighting]
) -> None:
    filled = [index for index, each in enumerate(seen_in_thirds) if not each.measured]
    assert len(filled) > 55
    every, third = (
        [likeness(sights[index].mask, filmed[1][index].matte) for index in filled] for sights in (seen, seen_in_thirds)
    )
    assert np.mean(third) > np.mean(every) - 0.006
    misses = [
        np.nanmedian([np.linalg.norm(sights[i].keypoints - filmed[1][i].keypoints, axis=1) for i in filled])
        for sights in (seen, seen_in_thirds)
    ]
    assert misses[1] < misses[0] + 0.6


def test_few_frames_are_held_back(filmed: Filmed) -> None:
    given = []

    def counted() -> Iterator[Frame]:
        for frame in framed(filmed[0][:20]):
            given.append(frame.index)
            yield frame

    assert max(given[-1] - each.frame.index for each in sightings(counted(), every=4)) <= 4


def test_the_same_again(filmed: Filmed, seen_in_thirds: list[Sighting]) -> None:
    for one, other in zip(look(filmed[0][:24], every=3), seen_in_thirds[:22], strict=False):
        assert np.array_equal(one.keypoints, other.keypoints, equal_nan=True)
        assert np.array_equal(one.mask, other.mask)


def test_nothing_is_carried_across_a_cut(filmed: Filmed) -> None:
    """The second shot is the mirrored end of the first: the person stands elsewhere at once."""
    pictures, truths = filmed
    second = [np.ascontiguousarray(cv2.resize(each, None, fx=1.5, fy=1.5)[60:420, 320:960]) for each in pictures[60:70]]
    mattes = [cv2.resize(each.matte, None, fx=1.5, fy=1.5)[60:420, 320:960] for each in truths[60:70]]
    joined = look(pictures[:11] + second, every=4)
    assert [each.frame.index for each in joined if each.cut] == [11]
    assert joined[10].measured and joined[11].measured
    expected = [each.matte for each in truths[:11]] + mattes
    assert min(likeness(each.mask, matte) for each, matte in zip(joined, expected, strict=True)) > 0.85


@pytest.mark.parametrize("every", [1, 3])
def test_someone_leaves_and_comes_back(filmed: Filmed, every: int) -> None:
    pictures, truths = filmed
    without = [truth.plate for truth in truths[20:30]]
    sights = look(pictures[10:20] + without + pictures[30:40], every)
    there = [bool(each.mask.max() > 127) for each in sights]
    assert there == [True] * 10 + [False] * 10 + [True] * 10
    for each in sights[10:20]:
        assert np.isnan(each.keypoints).all() and not each.confidence.any() and not each.mask.any()
        assert not each.measured
    assert not any(each.cut for each in sights)


class Blinking(Follower):
    """Loses the person in some frames, as happens when they turn quickly."""

    lost = range(0)

    def follow(self, rgb: RGB, index: int) -> Body | None:
        body = super().follow(rgb, index)
        return None if index in self.lost else body


@pytest.mark.parametrize(("gap", "filled"), [(5, True), (LOST_FRAMES, True), (20, False)])
def test_nobody_blinks_out_for_a_few_frames(
    filmed: Filmed, monkeypatch: pytest.MonkeyPatch, gap: int, filled: bool
) -> None:
    pictures, truths = filmed[0][:45], filmed[1][:45]
    Blinking.lost = range(15, 15 + gap)
    monkeypatch.setattr("utils.people.sighting.Follower", Blinking)
    monkeypatch.setattr(Blinking, "detect_near", lambda self, rgb, near: None)
    sights = look(pictures)
    assert [each.frame.index for each in sights] == list(range(45))
    for index in Blinking.lost:
        assert not sights[index].measured
        assert (likeness(sights[index].mask, truths[index].matte) > 0.8) == filled


def passer_by(filmed: Filmed, glimpses: tuple[int, ...]) -> Subject:
    """What the glimpses say of the second person, and of the first as somebody else."""
    places: list[Place] = []
    colours: dict[bool, list[Colours]] = {True: [], False: []}
    with closing(PoseModel(alone=True)) as model:
        for index in glimpses:
            picture, behind = filmed[0][index], filmed[1][index].others > 127
            for body in find_people(model, picture):
                own = bool((behind & (body.mask > 127)).sum() > 0.5 * (body.mask > 127).sum())
                colours[own].append(colour_histogram(body, picture))
                places += [Place(index, body.box)] if own else []
    return Subject(tuple(places), np.mean(colours[True], axis=0), tuple(colours[False]))


def test_it_stays_with_the_one_behind(filmed: Filmed) -> None:
    """The passer-by is the subject, goes behind the walker, and is found again on the other side."""
    pictures, truths = filmed
    sights = look(pictures, subject=passer_by(filmed, (16, 80)))
    found = [likeness(each.mask, truth.others) for each, truth in zip(sights, truths, strict=True)]
    wrong = [likeness(each.mask, truth.matte) for each, truth in zip(sights, truths, strict=True)]
    assert np.median(found[10:35]) > 0.9 and np.median(found[80:88]) > 0.9
    assert max(wrong) < 0.3


@pytest.mark.parametrize("beside", [False, True])
def test_who_comes_instead_takes_the_place_of_the_subject(filmed: Filmed, beside: bool) -> None:
    """Somebody else is to be followed and is not there: the walker is, unless the two were seen side by side."""
    chosen = passer_by(filmed, (16, 80))
    subject = Subject(chosen.places, chosen.colours, chosen.others if beside else ())
    pictures, truths = zip(*walk(Shot(size=SIZE, frames=6)), strict=True)
    found = [
        likeness(each.mask, truth.matte) for each, truth in zip(look(list(pictures), 1, subject), truths, strict=True)
    ]
    assert max(found) == 0 if beside else min(found) > 0.85


def test_joints_outside_the_picture_are_missing(filmed: Filmed) -> None:
    """Only head and trunk are in the picture; the legs, which the model makes up, are not told."""
    pictures, truths = filmed
    bottom = int(np.nanmean(truths[60].keypoints[list(HIPS), 1])) + 15
    sights = look([np.ascontiguousarray(picture[:bottom]) for picture in pictures[60:64]])
    assert all(np.isfinite(each.keypoints[list(SHOULDERS)]).all() for each in sights)
    assert all(np.isnan(each.keypoints[list(ANKLES)]).all() for each in sights)


@pytest.mark.parametrize("size", [Size(64, 64), Size(33, 101), Size(1080, 1920), Size(2, 2), Size(1, 1)])
def test_any_size(filmed: Filmed, size: Size) -> None:
    pictures = [cv2.resize(picture[:, 180:460], size, interpolation=cv2.INTER_AREA) for picture in filmed[0][60:64]]
    sights = look(pictures, every=2)
    assert [each.mask.shape for each in sights] == [(size.height_px, size.width_px)] * 4
    if size.height_px > 1000:
        assert all(each.mask.max() > 200 for each in sights)


def test_one_frame_none_and_black(filmed: Filmed) -> None:
    assert look([]) == []
    (one,) = look(filmed[0][60:61], every=5)
    assert one.measured and likeness(one.mask, filmed[1][60].matte) > 0.9
    for each in look([np.zeros((360, 640, 3), np.uint8)] * 5, every=3):
        assert not each.measured and not each.mask.any() and not each.cut


def test_the_console_stays_clean(filmed: Filmed, capfd: pytest.CaptureFixture[str]) -> None:
    look(filmed[0][60:62])
    assert capfd.readouterr() == ("", "")


def test_the_models_have_versions() -> None:
    assert models() == {"mediapipe": "0.10.21"}


@pytest.mark.footage
def test_a_dog_is_no_second_person(footage: Path) -> None:
    """A woman bends down to a dog and steps about: never lost, never left for the dog."""
    frames = ClipFrames.of(probe(footage / "sam2_woman_and_dog.mp4"), SIZE)
    middles = []
    for each in sightings(frames.read(range(90, 160)), every=2):
        assert each.mask.max() > 200
        middles.append(np.nanmean(each.keypoints[[*SHOULDERS, *HIPS]], axis=0))
    assert np.linalg.norm(np.diff(middles, axis=0), axis=1).max() < 25


@pytest.mark.footage
def test_one_after_the_other(footage: Path) -> None:
    """One leaves and another comes: each is followed in their turn, from edge to edge, and nobody in between."""
    frames = ClipFrames.of(probe(footage / "intel_walk_away_static.mp4"))
    subject = choose_subject(frames, "largest")
    there = {
        each.frame.index: bool(each.mask.any()) for each in sightings(frames.read(range(184, 242)), subject=subject)
    }
    assert all(there[index] for index in [*range(184, 197), *range(231, 242)])
    assert not any(there[index] for index in range(200, 227))


@pytest.mark.footage
def test_a_small_person_is_found_beside_another(footage: Path) -> None:
    """A woman steps out from behind a tree, too small for the model in the whole picture, while a man stands above."""
    frames = ClipFrames.of(probe(footage / "sports2d_side_walk.mp4"))
    subject = choose_subject(frames, "largest")
    for each in sightings(frames.read(range(38, 56)), subject=subject):
        if each.frame.index > 44:
            assert 1350 < np.nanmedian(each.keypoints[:, 0]) < 1600
