"""Real clips: steadier than vid.stab, feet that stand where people see them stand, mattes of the whole person."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from pipeline.see.analysis import ANALYSE, Analysis
from pipeline.see.foot_contacts import CONTACTS, FootContacts
from pipeline.see.ground import GROUND, Ground
from pipeline.see.open_clip import open_clip
from pipeline.settings import Settings
from pipeline.stage import RunContext
from tests.labels import (
    boundary_f,
    claims_of,
    contact_labels,
    f1,
    labelled_contacts,
    labelled_masks,
    mask_labels,
    outside_share,
    overlap,
)  # fmt: skip
from tests.steadiness import Compared, compared
from utils.camera.stabilization import stabilise
from utils.media.clip import Clip
from utils.media.intake import probe
from utils.store import Store

pytestmark = [pytest.mark.slow, pytest.mark.footage]

HANDHELD = (
    "handheld_still_scene.m4v", "handheld_walk_forward.m4v", "handheld_hikers_toward_camera.m4v", "shaky_skater.mp4",
)  # fmt: skip


@pytest.fixture(scope="module", params=HANDHELD, ids=lambda name: name.partition(".")[0])
def handheld(
    request: pytest.FixtureRequest, footage: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Clip, Compared]:
    clip = probe(footage / request.param)
    return clip, compared(clip, tmp_path_factory.mktemp("steady"))


def test_it_is_steadier_than_vid_stab(handheld: tuple[Clip, Compared]) -> None:
    source, rival, ours = (handheld[1].meters[name] for name in ("source", "vid.stab", "steady"))
    assert ours.jerk_px < 0.6 * rival.jerk_px < source.jerk_px
    assert ours.jerk_mrad < 0.6 * rival.jerk_mrad


def test_not_by_holding_the_picture_nor_by_blurring_it(handheld: tuple[Clip, Compared]) -> None:
    """What the operator meant is kept, and so is the detail."""
    clip, found = handheld
    source, rival, ours = (found.meters[name] for name in ("source", "vid.stab", "steady"))
    assert ours.away_px(source) < 0.0105 * clip.size.width_px
    assert ours.away_px(source) < rival.away_px(source)
    assert found.kept_detail["steady"] > 0.94


@dataclass(frozen=True)
class Seen:
    """What the program sees in a clip."""

    clip: Clip
    analysis: Analysis
    ground: Ground
    contacts: FootContacts


@pytest.fixture(scope="module", params=labelled_masks(), ids=lambda name: name.partition(".")[0])
def seen(request: pytest.FixtureRequest, footage: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seen]:
    context = RunContext(Store(tmp_path_factory.mktemp("cache")), Settings.load("balanced").flat())
    clip = open_clip(footage / request.param, context)
    with contextlib.ExitStack() as opened:
        analysis = Analysis(opened.enter_context(ANALYSE.result(context, clip=clip)))
        ground = Ground(opened.enter_context(GROUND.result(context, analysis=analysis)))
        contacts = FootContacts(opened.enter_context(CONTACTS.result(context, analysis=analysis, ground=ground)))
        yield Seen(clip, analysis, ground, contacts)


def test_feet_stand_where_people_see_them_stand(seen: Seen) -> None:
    name, count = seen.clip.path.name, len(seen.clip)
    if name not in labelled_contacts():
        pytest.skip("nobody read the contacts of this clip")
    claims, truth = claims_of(seen.contacts.all, count), contact_labels(name, count)
    assert f1(claims, truth) > 0.85
    assert outside_share(claims, truth) < 0.15


def test_who_is_pointed_at_is_followed(footage: Path, tmp_path: Path) -> None:
    """In a clip of a woman who walks by, the man on the wall, whom no rule would have chosen."""
    settings = Settings.load(
        "fast", {"analysis.subject": "pointed", "analysis.point_x": 652.0, "analysis.point_y": 180.0}
    )
    context = RunContext(Store(tmp_path), settings.flat())
    clip = open_clip(footage / "sports2d_side_walk.mp4", context)
    with ANALYSE.result(context, clip=clip) as entry:
        boxes = Analysis(entry).boxes[:120]
    found = [box for box in boxes if box]
    assert len(found) > 100
    assert np.mean([box.left < 800 and box.bottom < 560 for box in found]) > 0.9


def test_two_readers_say_the_same(seen: Seen) -> None:
    name, count = seen.clip.path.name, len(seen.clip)
    if name in labelled_contacts():
        assert f1(contact_labels(name, count, "first").claims(), contact_labels(name, count, "second")) > 0.95
    first, second = (mask_labels(name, seen.clip.size, reader) for reader in ("first", "second"))
    agree = [(overlap(first[index], second[index]), boundary_f(first[index], second[index])) for index in second]
    assert len(agree) == 2 and np.mean(agree, axis=0)[0] > 0.94 and np.mean(agree, axis=0)[1] > 0.95


def test_the_matte_is_the_person(seen: Seen) -> None:
    drawn = mask_labels(seen.clip.path.name, seen.clip.size)
    mattes = zip(drawn, seen.analysis.mattes(list(drawn)), strict=True)
    scores = [(overlap(drawn[index], matte > 127), boundary_f(drawn[index], matte > 127)) for index, matte in mattes]
    assert len(scores) == 8
    assert np.mean(scores, axis=0)[0] > 0.9 and np.mean(scores, axis=0)[1] > 0.85


def test_no_number_is_beyond_what_can_be(seen: Seen) -> None:
    """The camera path does not degenerate, however far the camera travels."""
    camera, size = seen.analysis.camera, np.array(seen.clip.size)
    assert np.abs(camera.steps[:, :2, 2]).max() < 0.2 * size.max()
    assert np.abs(np.log(seen.ground.path.zooms)).max() < np.log(30)
    assert all(len(place) > 0 for place in camera.places)
    stable = stabilise(camera)
    assert (np.array(stable.canvas) < 1.8 * size).all()
    frames = [contact.span for contact in seen.contacts.all]
    assert all(0 <= span.start < span.stop <= len(seen.clip) for span in frames)
