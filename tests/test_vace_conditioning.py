"""What Wan VACE is shown of a window: masks that hold still where a latent does, carried frames, reference pictures."""

from itertools import islice

import cv2
import numpy as np
import pytest
import torch

from pipeline.engines.base import Carry, View
from pipeline.engines.diffusion.pictures import faded, working_size
from pipeline.engines.diffusion.wan import groups
from pipeline.engines.vace.conditioning import UNKNOWN, Conditions, at_size_of_person, united
from pipeline.engines.vace.pipeline import VacePipeline
from utils.image import RGB, Size
from utils.walker import Shot, walk

SIZE = Size(96, 64)


def view(index: int, left: int = 40, tall: int = 32) -> View:
    """A white person of 8 px before grey, somewhere."""
    matte = np.zeros((64, 96), np.uint8)
    matte[60 - tall : 60, left : left + 8] = 255
    rgb = np.full((64, 96, 3), 90, np.uint8)
    rgb[matte > 0] = 255
    return View(index, rgb, matte, np.full((33, 2), np.nan, np.float32))


def blue(each: View) -> RGB:
    return np.full_like(each.rgb, (0, 0, 255))


@pytest.mark.parametrize("count", [1, 2, 4, 5, 6, 8, 9, 81, 84])
def test_frames_that_share_a_latent_share_a_mask(count: int) -> None:
    views = [view(index, left=min(80, 2 * index)) for index in range(count)]
    given = Conditions(SIZE, "person", None).of(views, None)
    assert len(given) == count == len(given.masks)
    for start, stop in groups(count):
        own = [each.matte > 0 for each in views[start:stop]]
        for mask in given.masks[start:stop]:
            assert np.array_equal(mask, given.masks[start])
            assert all((mask[each] == 255).all() for each in own), "a fast limb is inside"
    assert sum(stop - start for start, stop in groups(count)) == count


def test_the_union_of_a_group_is_no_larger_than_its_frames() -> None:
    masks = [np.zeros((4, 4), np.uint8) for _ in range(9)]
    masks[3][1, 1] = 255
    whole = united(masks)
    assert [bool(each.any()) for each in whole] == [False] + [True] * 4 + [False] * 4


def test_the_inside_is_controlled_and_the_outside_is_the_source() -> None:
    given = Conditions(SIZE, "person", blue).of([view(0)], None)
    inside = given.masks[0] == 255
    assert (given.pictures[0][inside] == (0, 0, 255)).all()
    assert (given.pictures[0][~inside] == 90).all()
    without = Conditions(SIZE, "person", None).of([view(0)], None)
    assert (without.pictures[0][inside] == UNKNOWN).all()


def test_a_frame_that_a_guide_leaves_free_is_unknown_and_its_neighbours_are_led() -> None:
    views = [view(index) for index in range(5)]
    given = Conditions(SIZE, "person", lambda each: None if each.index == 2 else blue(each)).of(views, None)
    for index, (picture, mask) in enumerate(zip(given.pictures, given.masks, strict=True)):
        assert (picture[mask == 255] == (UNKNOWN if index == 2 else (0, 0, 255))).all()
        assert (picture[mask == 0] == 90).all()


def test_what_is_made_anew_follows_the_part() -> None:
    person, ground, both = (
        Conditions(SIZE, part, None).of([view(0)], None).masks[0] for part in ("person", "background", "both")
    )
    matte = view(0).matte > 0
    assert (person[matte] == 255).all() and person.mean() < 60
    assert not ground[cv2.erode(matte.astype(np.uint8), np.ones((5, 5))) > 0].any() and ground[~matte].all()
    assert both.all()


def test_carried_frames_are_kept_where_they_are_valid() -> None:
    valid = np.zeros((64, 96), np.uint8)
    valid[:, :50] = 255
    carry = Carry((np.full((64, 96, 3), 7, np.uint8),) * 5, (valid,) * 5)
    given = Conditions(SIZE, "both", None).of([view(index) for index in range(9)], carry)
    assert all(part.all() for part in given.parts), "and shown, as they are"
    for mask, picture in zip(given.masks[:5], given.pictures[:5], strict=True):
        assert not mask[:, :50].any() and mask[:, 50:].all()
        assert (picture[:, :50] == 7).all() and (picture[:, 50:] == UNKNOWN).all()
    assert all(mask.all() for mask in given.masks[5:])


@pytest.mark.parametrize("at", [0, 5, 6, 8])
def test_a_given_frame_is_known_in_just_its_frame(at: int) -> None:
    """Also in the middle of the frames that share a latent, which is made anew for the others."""
    picture = np.full((64, 96, 3), 7, np.uint8)
    views = [view(index) for index in range(10, 19)]
    given = Conditions(SIZE, "both", blue, {10 + at: picture, 30: picture}).of(views, None)
    for number, (shown, mask) in enumerate(zip(given.pictures, given.masks, strict=True)):
        assert np.array_equal(shown, picture if number == at else blue(views[number]))
        assert mask.any() == (number != at) and given.parts[number].all()


def test_frames_that_nothing_leads_are_unknown() -> None:
    views = [view(index) for index in range(5)]
    given = Conditions(SIZE, "both", lambda each: blue(each) if each.index < 3 else None).of(views, None)
    assert [int(picture[0, 0, 2]) for picture in given.pictures] == [255, 255, 255, UNKNOWN, UNKNOWN]


@pytest.mark.parametrize("tall", [8, 20, 48])
def test_a_reference_is_as_tall_as_the_person(tall: int) -> None:
    """A portrait that fills its picture would make a giant of somebody far away."""
    sheet = at_size_of_person(np.zeros((900, 300, 3), np.uint8), [view(0, tall=tall)], SIZE)
    rows = np.flatnonzero((sheet < 128).all(axis=2).any(axis=1))
    assert sheet.shape == (64, 96, 3) and abs(len(rows) - tall) <= 1
    assert (sheet[0, 0] == 255).all()


def test_along_an_approach_a_reference_is_as_tall_as_the_person_then_is() -> None:
    """In every window by itself: the walker comes closer, and the reference grows with them."""
    size, reference, shown = Size(192, 112), np.zeros((900, 300, 3), np.uint8), list[int]()
    views = [
        View(truth.index, rgb, truth.matte, truth.keypoints.astype(np.float32))
        for rgb, truth in islice(walk(Shot(size=size, frames=150)), 77)
    ]
    for first in (0, 30, 60):
        window = views[first : first + 17]
        (sheet,) = Conditions(size, "person", None).of(window, None, [reference]).references
        tall = [int((view.matte > 0).any(axis=1).sum()) for view in window]
        shown.append(int((sheet < 128).all(axis=2).any(axis=1).sum()))
        assert min(tall) - 1 <= shown[-1] <= max(tall) + 1
    assert shown[2] > 1.3 * shown[0], "and was not shown as large from the beginning"


def test_every_reference_is_shown_in_its_order() -> None:
    dark, blue = np.zeros((90, 30, 3), np.uint8), np.full((90, 30, 3), (0, 0, 255), np.uint8)
    shown = Conditions(SIZE, "person", None).of([view(0)], None, [dark, blue]).references
    middles = [tuple(sheet[32, 48]) for sheet in shown]
    assert middles == [(0, 0, 0), (0, 0, 255)]


def test_a_wide_reference_stays_in_the_picture() -> None:
    sheet = at_size_of_person(np.zeros((10, 4000, 3), np.uint8), [view(0)], SIZE)
    assert sheet.shape == (64, 96, 3) and (sheet == 0).any()
    assert at_size_of_person(np.zeros((1, 1, 3), np.uint8), [view(0)], SIZE).shape == (64, 96, 3)


def test_the_result_fades_inside_of_its_mask() -> None:
    mask = Conditions(SIZE, "person", None).of([view(0)], None).masks[0]
    alpha = faded(mask)
    assert not alpha[mask == 0].any()
    assert (alpha[view(0).matte > 0] > 0).mean() > 0.95 and (alpha < 255)[mask > 0].mean() > 0
    assert faded(np.full((64, 96), 255, np.uint8)).min() == 255, "no fade at the picture's own edge"


@pytest.mark.parametrize("frames", [1, 5, 81])
@pytest.mark.parametrize("references", [0, 2])
def test_a_latents_mask_is_that_of_its_own_frames(frames: int, references: int) -> None:
    """The library samples evenly: for 81 frames the second latent, of frames 1 to 4, would get the mask of frame 5."""
    pipe = VacePipeline.__new__(VacePipeline)
    object.__setattr__(pipe, "vae_scale_factor_spatial", 8)
    latents = list(groups(frames))
    mask = torch.zeros(1, 3, frames, 16, 24)
    for number, (start, stop) in enumerate(latents):
        mask[:, :, start:stop, number % 16, 3] = 1
    read = pipe.prepare_masks(mask, [[torch.zeros(3, 16, 24)] * references])
    assert read.shape == (1, 64, references + len(latents), 2, 3)
    assert not read[:, :, :references].any()
    for number in range(len(latents)):
        (place,) = read[0, :, references + number].nonzero().tolist()
        assert place == [(number % 16) % 8 * 8 + 3, number % 16 // 8, 0]


def test_the_working_size_keeps_the_shape_and_the_limit() -> None:
    assert working_size(Size(832, 480), 480 * 832, 16) == (832, 480)
    assert working_size(Size(100, 50), 480 * 832, 16) == (96, 48)
    large = working_size(Size(1920, 1080), 480 * 832, 16)
    assert (
        large.area_px <= 1.05 * 480 * 832
        and not large.width_px % 16
        and abs(large.width_px / large.height_px - 16 / 9) < 0.05
    )
    assert working_size(Size(832, 480), 480 * 832, 16, 0.75) == (624, 352)
    assert working_size(Size(3, 2000), 480 * 832, 16).width_px == 16
