"""Moments of a film while its plan is edited: also of the copy to scrub in, where a job has made it."""

from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from pipeline.finish.film.files import beside
from pipeline.finish.film.plan import plan_of
from pipeline.finish.moment import moment
from pipeline.finish.settings import FinishSettings
from pipeline.preview.web_copies import CLIP, COPY_TO_SCRUB
from pipeline.stage import RunContext
from tests.films import clip, number_of
from utils.image import RGB, Size
from utils.media.intake import probe
from utils.store import Store

TWICE = Size(640, 360)
PLAN = {"cut": [{"from_s": 1, "to_s": 3}], "titles": [{"text": "Title", "from_s": 0, "to_s": 20, "fade_s": 0}]}


def shown(picture: RGB) -> int:
    """The number that a picture of half the size spells."""
    return number_of(np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)).repeat(2, 0).repeat(2, 1))


@pytest.fixture
def context(tmp_path: Path) -> RunContext:
    return RunContext(Store(tmp_path / "cache"), FinishSettings().flat())


@pytest.mark.parametrize("pts", [None, [40 * index + (index * 7) % 20 for index in range(240)]])
def test_a_moment_of_the_copy_is_that_of_the_clip(tmp_path: Path, context: RunContext, pts: list[int] | None) -> None:
    talk = clip(tmp_path / "talk.mp4", 240, size=TWICE, pts=pts)
    plan, find = plan_of(PLAN), beside(tmp_path)
    of_clip = [moment(talk, plan, find, context, at) for at in (0.0, 0.3, 0.71, 1.0)]
    with COPY_TO_SCRUB.result(context, clip=talk) as entry:
        copy = probe(entry.path(CLIP))
        assert copy.size == Size(320, 180) and len(copy) == 240
        with av.open(str(copy.path)) as container:
            keys = [index for index, frame in enumerate(container.decode(video=0)) if frame.key_frame]
        assert max(np.diff(keys)) <= 10
    of_copy = [moment(talk, plan, find, context, at) for at in (0.0, 0.3, 0.71, 1.0)]
    assert [each.index for each in of_copy] == [each.index for each in of_clip]
    assert [shown(each.before) for each in of_copy] == [shown(each.before) for each in of_clip]
    for copied, original in zip(of_copy, of_clip, strict=True):
        assert copied.after.shape == original.after.shape
        assert cv2.PSNR(copied.after, original.after) > 30
        assert np.abs(copied.after.astype(int) - copied.before).max() > 100, "the title is drawn"
