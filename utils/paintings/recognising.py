"""Tells which frame of a clip a painted picture shows: by its outlines, whatever it is called; a name settles ties.

Frames are compared small at first: those that were given out to be painted, or frames spread over the clip. The ones
that are most like the picture are compared in detail.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from utils.errors import PictureError
from utils.image import RGB, Size
from utils.image.picture_file import RGBA
from utils.media.clip import Clip
from utils.media.video import ClipFrames
from utils.paintings.key_set import Key
from utils.paintings.outlines import Outlines
from utils.paintings.painted import base
from utils.paintings.placing import COARSE_PX, FINE_PX, MOVED_COST, Given, Painting, Placed, expected, found, placed

SURE, SURE_BY_NAME = 0.42, 0.22
"""A picture this like a frame shows it; less is enough if its name says so too. Pictures of other clips reach 0.15, and
0.37 where they may be moved about."""
EASY = 0.6
"""A picture this like a frame has the size and place that were expected, or nearly."""
CLOSE, NEARLY, PLAINLY = 0.05, 0.12, 0.05
"""A name is believed where no frame is more like the picture by more than the first, and wrong where one is so by more
than the last in detail; without a name, frames less alike than the best one by the second may be meant."""
MOST_FRAMES, MOST_CLOSE, MOST_SCALED = 120, 6, 6
"""How many frames of a clip are compared at first, how many in detail, and how many at all scales."""
NUMBERED = re.compile(r"\D*(\d{6})\D*")
"""A name that says which frame a picture shows."""

Read = Callable[[Iterable[int]], Iterator[RGB]]
"""Reads frames, ascending, at the size at which they are compared in detail."""


@dataclass(frozen=True)
class Footage:
    """A clip in which pictures are looked for."""

    size: Size
    frames: int
    read: Read
    first: int = 0
    """What its first frame is called, where it is a part of a clip."""

    def small(self, longest_px: int) -> Size:
        """The size of its frames when the longer side has so many pixels."""
        return self.size.scaled(min(1.0, longest_px / max(self.size)))


@dataclass(frozen=True)
class Recognised:
    """The frame that a picture shows, and where it lies over it; `by_name` where only its name says so."""

    frame: int
    size: Size
    """The size of the picture."""
    placed: Placed
    by_name: bool = False


@dataclass(frozen=True)
class _Candidate:
    """A frame that a picture may show, and the picture that was given out of it."""

    outlines: Outlines
    key: Key

    @property
    def frame(self) -> int:
        return self.key.frame


class Recogniser:
    """Recognises pictures of a clip; `keys` are the frames that were given out, none if that is not known."""

    def __init__(self, footage: Footage, keys: Sequence[Key], names: Iterable[str]) -> None:
        self._footage, self._keys, self._by_name = footage, {key.frame: key for key in keys}, _frames_by_name(keys)
        claimed = {frame for name in names if (frame := self.claimed(name)) is not None}
        self._stride = 1 if keys else max(1, -(-footage.frames // MOST_FRAMES))
        spread = self._keys or range(0, footage.frames, self._stride)
        self._frames = sorted(index for index in {*spread, *claimed} if index < footage.frames)

    def claimed(self, name: str) -> int | None:
        """The frame that a picture is named after."""
        stem = _stem(name)
        if stem in self._by_name:
            return self._by_name[stem]
        number = NUMBERED.fullmatch(stem)
        frame = int(number[1]) - self._footage.first if number else -1
        return frame if 0 <= frame < self._footage.frames else None

    def recognised(self, name: str, pixels: RGBA) -> Recognised:
        """The frame that a picture shows; PictureError if it shows none, or not the one that it is named after."""
        claimed, painting = self.claimed(name), Painting(pixels)
        alike = self._coarsely(painting)
        best = max(alike, key=lambda frame: alike[frame].score)
        if alike[best].likeness < (SURE if claimed is None else SURE_BY_NAME):
            return self._by_name_alone(name, painting, claimed)
        if claimed is None:
            return self._best(painting, alike)
        own = self._finely(painting, claimed)
        if alike[best].score - alike[claimed].score > CLOSE:
            other = self._finely(painting, best)
            if other.placed.score - own.placed.score > PLAINLY and other.placed.likeness >= SURE:
                first = self._footage.first
                raise PictureError(
                    f"{base(name)!r} is named after frame {first + claimed} and shows frame {first + best}.",
                    "Give each painted frame back under the name that it had.",
                )
        if own.placed.likeness < SURE_BY_NAME:
            return self._by_name_alone(name, painting, claimed)
        return own

    def _by_name_alone(self, name: str, painting: Painting, claimed: int | None) -> Recognised:
        """A picture that is like no frame: the one that it is named after, if its size was not changed either."""
        key = self._key(claimed) if claimed is not None else None
        if key is None or (key.size or self._footage.size) != painting.size:
            raise PictureError(
                f"{base(name)!r} shows no frame of this clip.",
                'Paint on those of "Frames to paint" in the app, or of `python -m pipeline keys`; what has no outline '
                "of its frame left has to keep its name and size.",
            )
        return Recognised(key.frame, painting.size, Placed(0.0, key.matrix), by_name=True)

    def _best(self, painting: Painting, alike: dict[int, Placed]) -> Recognised:
        """The frame that a picture is most like, small and in detail, of those nearly as alike as the best one."""
        ordered = sorted(alike, key=lambda frame: -alike[frame].score)
        most = alike[ordered[0]].score
        near = [frame for frame in ordered if most - alike[frame].score <= NEARLY][:MOST_CLOSE]
        finely = [self._finely(painting, frame) for frame in near]
        best = max(finely, key=lambda each: each.placed.score + alike[each.frame].score)
        return self._between(painting, finely, best) if self._stride > 1 else best

    def _between(self, painting: Painting, near: Sequence[Recognised], best: Recognised) -> Recognised:
        """The best of the frames around those of the ones spread over the clip that a picture is most like."""
        alike, reach = dict[int, float](), self._stride - 1
        for each in near:
            around = range(max(0, each.frame - reach), min(self._footage.frames, each.frame + reach + 1))
            alike |= self._alike_around(painting, each, [frame for frame in around if frame not in alike])
        frame = max(alike, key=lambda each: alike[each])
        return best if frame == best.frame else self._finely(painting, frame)

    def _alike_around(self, painting: Painting, near: Recognised, frames: Sequence[int]) -> dict[int, float]:
        """How like each of these frames a picture is, where it should lie or where it lies over a frame near them."""
        given, size = self._given(painting, near.frame), self._footage.small(FINE_PX)
        places = (Placed(0.0, next(given.places())), near.placed)
        laid = [(given.over(place.to_picture, size), place.moved * MOVED_COST) for place in places]
        outlines = (Outlines.of(picture, size) for picture in self._footage.read(frames))
        alike = (max(each.likeness(frame, np.eye(3)) - cost for each, cost in laid) for frame in outlines)
        return dict(zip(frames, alike, strict=True))

    def _coarsely(self, painting: Painting) -> dict[int, Placed]:
        """How like each frame a picture is, small; at other scales only where that is needed."""
        size = self._footage.small(COARSE_PX)
        alike = {each.frame: self._found(painting, each, size, first=True) for each in self._candidates}
        ordered = sorted(alike, key=lambda frame: -alike[frame].score)
        best = alike[ordered[0]]
        is_easy = best.likeness >= (EASY if best.moved else SURE)
        again = set(ordered[:MOST_SCALED] if is_easy else ordered)
        for each in self._candidates:
            if each.frame in again:
                alike[each.frame] = max(
                    alike[each.frame], self._found(painting, each, size, first=False), key=lambda place: place.score
                )
        return alike

    def _found(self, painting: Painting, candidate: _Candidate, size: Size, *, first: bool) -> Placed:
        """The best of the obvious places over a frame, or the best of all others."""
        given = self._given(painting, candidate.frame)
        obvious = 1 if painting.size == given.size else 2
        places = list(given.places())
        chosen = places[:obvious] if first else places[obvious:]
        alike = [found(candidate.outlines, given.over(place, size)) for place in chosen]
        return max([*alike, expected(candidate.outlines, given)], key=lambda each: each.score)

    def _finely(self, painting: Painting, frame: int) -> Recognised:
        """A picture placed exactly over a frame."""
        (picture,) = self._footage.read([frame])
        given, small = self._given(painting, frame), self._footage.small(COARSE_PX)
        coarse = Outlines.of(picture, small)
        start = max(
            (found(coarse, given.over(place, small)) for place in given.places()), key=lambda each: each.likeness
        )
        outlines = Outlines.of(picture, self._footage.small(FINE_PX))
        return Recognised(frame, painting.size, placed(outlines, given, start.to_picture))

    def _given(self, painting: Painting, frame: int) -> Given:
        key = self._key(frame)
        size = Size(*(key.size or self._footage.size))
        return Given(painting, self._footage.size, size, key.matrix, frame in self._keys and size == painting.size)

    def _key(self, frame: int) -> Key:
        """What was given out of a frame; of another one, where the nearest that was given out lies."""
        if frame in self._keys or not self._keys:
            return self._keys.get(frame, Key(frame=frame, file=""))
        nearest = min(self._keys, key=lambda other: abs(other - frame))
        return self._keys[nearest].model_copy(update={"frame": frame})

    @cached_property
    def _candidates(self) -> list[_Candidate]:
        size = self._footage.small(COARSE_PX)
        pictures = self._footage.read(self._frames)
        return [
            _Candidate(Outlines.of(picture, size), self._key(frame))
            for frame, picture in zip(self._frames, pictures, strict=True)
        ]


def footage_of(clip: Clip, check: Callable[[], None]) -> Footage:
    """A clip in which painted pictures are looked for; `check` is called between frames."""
    size = clip.size.scaled(min(1.0, FINE_PX / max(clip.size)))

    def read(wanted: Iterable[int]) -> Iterator[RGB]:
        for frame in ClipFrames.of(clip, size).read(wanted):
            check()
            yield frame.rgb

    return Footage(clip.size, len(clip), read, clip.start)


def remarks(name: str, frame: int, shown: Recognised) -> Iterator[str]:
    """Sentences on a picture that is not simply what its name says."""
    if shown.by_name:
        yield f"{base(name)!r} has no outline of frame {frame} left and is taken for it by its name."
    elif shown.placed.moved:
        yield f"{base(name)!r} was scaled, cropped or moved, and is laid over frame {frame} where its outlines fit."


def once_each(recognised: dict[str, Recognised], first: int = 0) -> dict[str, Recognised]:
    """The pictures in the order of their frames; PictureError if two of them show one. The first frame has a number."""
    names: dict[int, str] = {}
    for name, each in recognised.items():
        other = names.setdefault(each.frame, name)
        if other != name:
            problem = f"{base(other)!r} and {base(name)!r} both show frame {first + each.frame}."
            raise PictureError(problem, "Take one of them out.")
    return {names[frame]: recognised[names[frame]] for frame in sorted(names)}


def _frames_by_name(keys: Sequence[Key]) -> dict[str, int]:
    """The frames by the names of the files that were given out, whatever they are saved as now."""
    return {_stem(key.file): key.frame for key in keys}


def _stem(name: str) -> str:
    return base(name).rpartition(".")[0] or base(name)
