"""Frames between painted keys: how near they come to a restyle that is known, and what they are made of."""

from dataclasses import dataclass

import cv2
import numpy as np
import pytest

from tests.restyled_walk import Walk
from utils.errors import Cancelled
from utils.image import RGB
from utils.keyframes import synthesis
from utils.keyframes.between import Between
from utils.keyframes.proposals import Chosen, chosen
from utils.keyframes.synthesis import Key, Proposal, Seen
from utils.walker import Shot

SHOT = Shot(size=(256, 320), frames=150)
APPROACH, TURN = (30, 41), (112, 123)


@dataclass(frozen=True)
class Made:
    """A walk, and its frames as they are made from the first and the last one."""

    walk: Walk
    frames: list[Chosen]

    @property
    def psnr_db(self) -> list[float]:
        return self.walk.psnr_db([each.picture for each in self.frames], (0, len(self.frames) - 1))


def between(walk: Walk, pictures: dict[int, RGB]) -> Between:
    seen = [Seen(rgb, matte) for rgb, matte in zip(walk.source, walk.mattes, strict=True)]
    return Between(seen, [cv2.dilate(each, np.ones((9, 9))) > 20 for each in walk.mattes], pictures)


def made_of(walk: Walk, painted: list[RGB]) -> Made:
    last = len(walk.source) - 1
    return Made(walk, list(between(walk, {0: painted[0], last: painted[last]}).made()))


@pytest.fixture(scope="module")
def approach() -> Made:
    walk = Walk(SHOT, APPROACH)
    return made_of(walk, walk.restyled)


@pytest.fixture(scope="module")
def turn() -> Made:
    walk = Walk(SHOT, TURN)
    return made_of(walk, walk.restyled)


def test_frames_come_near_to_what_would_have_been_painted(approach: Made, turn: Made) -> None:
    """A person who comes nearer, and one who turns away; 10 frames from one key to the other."""
    for each in (approach, turn):
        assert np.mean(each.psnr_db) > 28 and min(each.psnr_db) > 24


def test_the_keys_are_as_they_were_painted(turn: Made) -> None:
    for frame in (0, -1):
        assert (turn.frames[frame].picture == turn.walk.restyled[frame]).all() and not turn.frames[frame].off.any()


def test_exposure_that_changes_between_the_keys_does_not_change_the_painting() -> None:
    """The source of the frame in the middle is a fifth darker than that of both keys."""
    walk = Walk(SHOT, (70, 73))
    walk.source[1] = np.rint(walk.source[1] * 0.8).astype(np.uint8)
    assert made_of(walk, walk.restyled).psnr_db[0] > 30


def test_a_shadow_that_moves_over_a_person_moves_over_the_painting(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the middle frame the lower half of the person is darker, in the source and so in what would be painted."""
    walk = Walk(SHOT, (70, 73))
    rows = np.flatnonzero((walk.mattes[1] > 127).any(axis=1))
    shade = np.ones((len(walk.mattes[1]), 1, 1), np.float32)
    shade[int(rows.mean()) :] = 0.8
    for frames in (walk.source, walk.restyled):
        frames[1] = np.rint(frames[1] * shade).astype(np.uint8)
    (relit,) = made_of(walk, walk.restyled).psnr_db
    monkeypatch.setattr(synthesis, "MOST_RELIT", 0.0)
    (unlit,) = made_of(walk, walk.restyled).psnr_db
    assert relit > unlit + 0.5


def test_frames_before_the_first_key_and_after_the_last_come_from_one() -> None:
    walk = Walk(SHOT, (30, 39))
    made = Made(walk, list(between(walk, {4: walk.restyled[4]}).made()))
    assert len(made.frames) == 9 and (made.frames[4].picture == walk.restyled[4]).all()
    assert min(walk.psnr_db([each.picture for each in made.frames], (4,))) > 24


def test_the_same_frames_come_again() -> None:
    walk = Walk(SHOT, (40, 44))
    once, again = (made_of(walk, walk.restyled).frames for _ in range(2))
    assert all((one.picture == two.picture).all() for one, two in zip(once, again, strict=True))


def test_what_no_key_shows_is_told() -> None:
    """A ball that only the middle frame shows, of a colour that the keys do not have."""
    walk = Walk(SHOT, (70, 75))
    middle = tuple(int(each.mean()) for each in np.nonzero(walk.mattes[2] > 127)[::-1])
    cv2.circle(walk.source[2], middle, 12, (0, 255, 0), -1)
    off = made_of(walk, walk.restyled).frames[2].off
    ball = np.zeros(off.shape, np.uint8)
    cv2.circle(ball, middle, 8, 255, -1)
    assert np.median(off[ball > 0]) > 30 and np.median(off[(walk.mattes[2] > 127) & (ball == 0)]) < 8


def test_the_proposal_that_shows_the_source_as_it_is_counts() -> None:
    source = np.full((40, 40, 3), 100, np.uint8)
    right = Proposal(np.full((40, 40, 3), 50, np.float32), source.astype(np.float32))
    wrong = Proposal(np.full((40, 40, 3), 250, np.float32), np.full((40, 40, 3), 180, np.float32))
    result = chosen([(right, 0.1), (wrong, 0.9)], source)
    assert np.abs(result.picture.astype(float) - 50).max() <= 2 and result.off.max() < 1


def test_where_both_are_right_they_pass_into_each_other_over_time() -> None:
    """Two keys that were painted in different colours."""
    source = np.full((40, 40, 3), 100, np.uint8)
    one, other = (Proposal(np.full((40, 40, 3), level, np.float32), source.astype(np.float32)) for level in (50, 150))
    assert (chosen([(one, 0.75), (other, 0.25)], source).picture == 75).all()


def test_a_painting_that_ignores_the_source_is_not_relit() -> None:
    rng = np.random.default_rng(1)
    source, painted = (rng.integers(0, 256, (64, 64, 3), np.uint8) for _ in range(2))
    flat = Key.of(Seen(source, np.zeros((64, 64), np.uint8)), painted)
    same = Key.of(Seen(source, np.zeros((64, 64), np.uint8)), np.repeat(source[..., 1:2], 3, 2))
    assert np.abs(flat.light).max() < 0.05 < 0.4 < np.median(same.light)


def test_a_cancelled_stretch_stops() -> None:
    walk = Walk(SHOT, (70, 74))

    def cancelled() -> None:
        raise Cancelled()

    seen = [Seen(rgb, matte) for rgb, matte in zip(walk.source, walk.mattes, strict=True)]
    regions = [each > 127 for each in walk.mattes]
    with pytest.raises(Cancelled):
        list(Between(seen, regions, {0: walk.restyled[0], 3: walk.restyled[3]}, 0, cancelled).made())


def test_keys_that_were_compressed_do_almost_as_well(turn: Made) -> None:
    walk = turn.walk
    painted = [cv2.imdecode(cv2.imencode(".jpg", each, [cv2.IMWRITE_JPEG_QUALITY, 85])[1], 1) for each in walk.restyled]
    assert (painted[0] != walk.restyled[0]).any()
    values = made_of(walk, painted).psnr_db
    assert np.mean(values) > 28 and min(values) > 24
