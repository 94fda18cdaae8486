"""A preview between painted frames: the frame, and the nearest painted one on either side, in one crop of their own.

The job follows the motion through all frames between; here the painted ones are compared with the frame at once.
"""

from bisect import bisect_right
from collections.abc import Callable
from dataclasses import replace
from functools import reduce
from operator import or_

from pipeline.engines.base import Window
from pipeline.make.given_keys import GivenKeys
from pipeline.preview.frame_samples import Sample
from utils.image import Box, Size
from utils.media.timebase import Span


def nearest(keys: GivenKeys, index: int) -> tuple[int, ...]:
    """The painted frames next to a frame; itself alone if it is painted."""
    known = sorted(keys.keys)
    place = bisect_right(known, index)
    if place and known[place - 1] == index:
        return (index,)
    return tuple(known[max(0, place - 1) : place + 1])


def between_painted(
    window: Window, keys: GivenKeys, sample: Sample, at: Callable[[int], Sample], clip_size: Size
) -> Window:
    """A window of a frame with the painted frames next to it, as the engine gets it from the first to the last."""
    indexes, whole = nearest(keys, sample.index), window.settings["generate.apply_to"] != "person"
    seen = {sample.index: sample, **{index: at(index) for index in indexes}}
    box = _box(list(seen.values()), whole=whole)
    views = [seen[index].crop(box) for index in sorted(seen)]
    given = {
        view.index: keys.frame(view, clip_size, sample.size)[view.index] for view in views if view.index in indexes
    }
    span = Span(sample.index, sample.index + len(views))
    example = next(iter(given.values()), None)
    return replace(window, span=span, size=box.size, views=lambda: iter(views), given=given, example=example)


def _box(samples: list[Sample], *, whole: bool) -> Box:
    """What shows the person in each of them."""
    boxes = [sample.box for sample in samples if sample.box]
    return Box(0, 0, *samples[0].size) if whole or not boxes else samples[0].with_margin(reduce(or_, boxes))
