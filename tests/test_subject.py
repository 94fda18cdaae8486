"""The right one of several people is chosen, and can be told from the others later."""

import re
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from utils.errors import ClipError
from utils.image import RGB, Box, Size
from utils.media.intake import probe
from utils.media.video import ClipFrames, Frame
from utils.people.model import PoseModel
from utils.people.subject import (
    Pointed,
    Subject,
    choose_subject,
    colour_histogram,
    find_people,
    likeness,
    overlap,
    sample_indices,
)
from utils.walker import Scene, Shot, Truth

SIZE = Size(640, 360)
COUNT = 120


@dataclass(frozen=True)
class PlacedFrame:
    """Frames that are drawn when they are first read."""

    scene: Scene
    kept: dict[int, tuple[RGB, Truth]] = field(default_factory=dict)

    def at(self, index: int) -> tuple[RGB, Truth]:
        if index not in self.kept:
            self.kept[index] = self.scene.frame(index)
        return self.kept[index]

    @property
    def size(self) -> Size:
        return Size(*self.scene.shot.size)

    def __len__(self) -> int:
        return len(self.scene)

    def read(self, wanted: Iterable[int]) -> Iterator[Frame]:
        return (Frame(index, index, self.at(index)[0]) for index in wanted)


@pytest.fixture(scope="module")
def two() -> PlacedFrame:
    return PlacedFrame(Scene(Shot(size=SIZE, frames=COUNT, second_person=True)))


def around(matte: NDArray[np.uint8]) -> Box:
    rows, columns = np.flatnonzero(matte.max(axis=1) > 127), np.flatnonzero(matte.max(axis=0) > 127)
    return Box(int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)


@pytest.fixture(scope="module")
def chosen(two: PlacedFrame) -> Subject:
    subject = choose_subject(two, "largest")
    assert subject is not None
    return subject


def test_both_people_are_seen(two: PlacedFrame) -> None:
    picture, truth = two.at(24)
    with closing(PoseModel(alone=True)) as model:
        bodies = find_people(model, picture)
    for matte in (truth.matte, truth.others):
        shares = [((body.mask > 127) & (matte > 127)).sum() / (matte > 127).sum() for body in bodies]
        assert sorted(shares)[-1] > 0.85


def test_the_walker_is_chosen(two: PlacedFrame, chosen: Subject) -> None:
    _, truth = two.at(chosen.index)
    assert overlap(chosen.box, around(truth.matte)) > 0.5
    for place in chosen.places:
        _, truth = two.at(place.index)
        assert overlap(place.box, around(truth.matte)) > 0.4
    assert len(chosen.places) >= 8 and chosen.others


def test_the_walker_is_central_too(two: PlacedFrame, chosen: Subject) -> None:
    central = choose_subject(two, "central")
    assert central is not None and central.places == chosen.places


def test_the_others_are_told_by_their_colours(two: PlacedFrame, chosen: Subject) -> None:
    picture, truth = two.at(24)
    with closing(PoseModel(alone=True)) as model:
        for body in find_people(model, picture):
            mine = ((body.mask > 127) & (truth.matte > 127)).sum() > 0.5 * (body.mask > 127).sum()
            assert (chosen.lead(colour_histogram(body, picture)) > 0) == mine


def test_where_they_should_be(chosen: Subject) -> None:
    """Between two glimpses they are expected on the way from one to the other, and nowhere after the last."""
    first, second = chosen.places[:2]
    middle = chosen.expected((first.index + second.index) // 2)
    assert middle is not None
    assert min(first.box.top, second.box.top) <= middle.top <= max(first.box.top, second.box.top)
    assert chosen.expected(chosen.places[-1].index + 1) is None


def test_who_is_pointed_at_is_chosen(two: PlacedFrame, chosen: Subject) -> None:
    """Also where the rule would have taken somebody else; the walker is known as another one then."""
    truth = two.at(24)[1]
    box = around(truth.others)
    point = Pointed((box.left + box.right) / 2, (box.top + box.bottom) / 2, 24)
    other = choose_subject(two, point)
    assert other is not None
    there = {place.index: place.box for place in other.places}
    assert overlap(there[24], box) > 0.4
    assert max(likeness(chosen.colours, each) for each in other.others) > likeness(chosen.colours, other.colours)
    middle = around(truth.matte)
    same = choose_subject(two, Pointed((middle.left + middle.right) / 2, (middle.top + middle.bottom) / 2, 24))
    assert same is not None and likeness(same.colours, chosen.colours) > 0.95


def test_a_point_where_nobody_is_says_where_people_are(two: PlacedFrame) -> None:
    with pytest.raises(ClipError) as told:
        choose_subject(two, Pointed(2, 2, 24))
    assert "Nobody was found at 2,2 in frame 24" in str(told.value)
    box = around(two.at(24)[1].matte)
    points = re.findall(r"(\d+),(\d+)", told.value.remedy)
    assert any(box.left <= int(x) < box.right and box.top <= int(y) < box.bottom for x, y in points)
    with pytest.raises(ClipError, match="Nobody at all was found"):
        choose_subject(Empty(), Pointed(2, 2, 1))


@dataclass(frozen=True)
class Empty:
    size: Size = SIZE
    count: int = 3

    def __len__(self) -> int:
        return self.count

    def read(self, wanted: Iterable[int]) -> Iterator[Frame]:
        return (Frame(index, index, np.full((360, 640, 3), 90, np.uint8)) for index in wanted)


@pytest.mark.parametrize(("count", "samples"), [(0, 0), (1, 1), (4, 4), (30, 5), (75, 6), (108, 9), (100_000, 9)])
def test_samples_reach_from_end_to_end_and_are_few_in_a_short_clip(count: int, samples: int) -> None:
    indices = sample_indices(count)
    assert len(indices) == samples
    assert not count or (indices[0], indices[-1]) == (0, count - 1)
    gaps = np.diff(indices)
    assert count < 2 or gaps.max() - gaps.min() <= 1


def test_nobody_to_choose() -> None:
    assert choose_subject(Empty(), "largest") is None
    assert choose_subject(Empty(count=0), "central") is None


@pytest.mark.footage
def test_real_people(footage: Path) -> None:
    """A man stands on a wall, a woman walks past below: she is the larger one."""
    woman = choose_subject(ClipFrames.of(probe(footage / "sports2d_side_walk.mp4")), "largest")
    assert woman is not None and woman.others
    assert woman.box.top > 500 and woman.box.bottom > 850
