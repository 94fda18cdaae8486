"""A session of the engine `edit`: makes windows from a few painted frames of each, and keeps no failed picture."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.engines.base import EngineFrame, Output, Tell, Window
from pipeline.engines.diffusion.attempts import Attempt
from pipeline.engines.diffusion.pictures import Mask, levels, over_source, part_mask, problem, shown
from pipeline.engines.diffusion.session import DiffusionSession
from pipeline.engines.diffusion.work import Work
from pipeline.engines.edit.defaults import Defaults
from pipeline.engines.edit.opened import Opened, Request
from pipeline.engines.edit.sheets import Sheets, cut_out, working_size
from utils.image import RGB, Size, at_size
from utils.keyframes.between import Between
from utils.keyframes.stretch import Stretch
from utils.keyframes.synthesis import Seen
from utils.progress import Cancel

MOST_MISSING = 0.01
"""Most of the part in a frame of the window before that may lie outside of that window, if this one goes on from it."""
WITHOUT_GUIDANCE = (
    "This checkpoint was made to work without guidance, so the guidance and what is not wanted are not used."
)
ANCHOR = "first_key"
"""The name under which windows pass on what the first key of a clip shows, for later keys to look like it."""


class EditSession(DiffusionSession[Opened, Defaults]):
    """Makes windows with an opened model."""

    def preview(self, window: Window, index: int) -> RGB:
        """One frame, as people painted it or else the model does."""
        work, example = _Work.single(window, index), window.example
        key = _Key(0, references=() if example is None else (example,))
        picture = window.given[index] if index in window.given else self._painted(work, key)
        return shown(work.views[0], picture, work.parts[0])

    def frames(self, window: Window, cancel: Cancel, tell: Tell, output: Output) -> Iterator[EngineFrame]:
        """Carried from the painted keys."""
        work = _Work.of(window, cancel, tell, output)
        if window.is_sparse:
            yield from self._sparse(work)
            return
        alone = window.settings["generate.apply_to"] == "person"
        subjects = [view.matte for view in work.views] if alone else work.parts
        stretch = Stretch([_grey(view.rgb) for view in work.views], subjects, cancel.check)
        before = _going_on(work)
        first = max(0, len(before) - 1)
        if before and window.carry:
            stretch.known(first, window.carry.valid[first])
        given = {number: picture for number, picture in work.given.items() if number >= first}
        pictures = {**({first: before[first]} if before else {}), **given}
        self._paint(work, stretch.keys(first=first, given=given), pictures)
        whole = chain(before[:first], self._between(work, subjects, pictures, first))
        for view, part, picture in zip(work.views, work.parts, whole, strict=True):
            yield over_source(view, picture, part, window.settings["generate.apply_to"])

    def _sparse(self, work: "_Work") -> Iterator[EngineFrame]:
        """Every frame painted for itself."""
        pictures = dict(work.given)
        self._paint(work, range(len(work.views)), pictures)
        for number, (view, part) in enumerate(zip(work.views, work.parts, strict=True)):
            yield over_source(view, pictures[number], part, work.window.settings["generate.apply_to"])

    def _between(
        self, work: "_Work", subjects: Sequence[Mask], pictures: Mapping[int, RGB], first: int
    ) -> Iterator[RGB]:
        """All frames from the first key on."""
        seen = [Seen(view.rgb, subject) for view, subject in zip(work.views[first:], subjects[first:], strict=True)]
        regions = [part > 0 for part in work.parts[first:]]
        keys = {key - first: picture for key, picture in pictures.items()}
        seed = work.window.settings["generate.seed"]
        return (frame.picture for frame in Between(seen, regions, keys, seed, work.cancel.check).made())

    def _paint(self, work: "_Work", keys: Sequence[int], pictures: dict[int, RGB]) -> None:
        """Paint the keys that have no picture yet.

        All of them look at what people painted in the first frame that they gave, or else at the first key of the clip.
        """
        anchor = _anchor(work, pictures)
        to_paint = [key for key in keys if key not in pictures]
        for number, key in enumerate(to_paint):
            references = () if anchor is None else (anchor,)
            later = () if anchor is None else tuple(to_paint[number + 1 :])
            pictures[key] = self._painted(work, _Key(key, number, len(to_paint), references, later))
            if anchor is None and work.parts[key].any():
                anchor = cut_out(pictures[key], work.parts[key])
        if anchor is not None:
            work.output.state[ANCHOR] = anchor

    def _painted(self, work: "_Work", key: "_Key") -> RGB:
        """A painted frame, at the size of the window, with the source outside of the part."""
        view, part = work.views[key.frame], work.parts[key.frame]
        if not part.any():
            return view.rgb
        asked = self._request(work)

        def attempt(now: Attempt) -> RGB:
            given = self._sheets(work, key, key.frame, now)
            later = (self._sheets(work, key, frame, now) for frame in key.later if work.parts[frame].any())
            self.model.read(asked, given, later)
            work.say_if_cut(self.model, asked.prompt)
            self.model.place(now.offload, tiled=now.tiled)
            return self._called(given, asked, work, key)

        painted = at_size(self.attempts.run(attempt, work.output.fallbacks), view.size)
        return np.asarray(np.where(part[..., None] > 0, painted, view.rgb), np.uint8)

    def _sheets(self, work: "_Work", key: "_Key", frame: int, now: Attempt) -> Sheets:
        """What the model is shown to paint a frame with the references of a key."""
        view, references = work.views[frame], (*work.window.style.references, *key.references)
        size = working_size(view.size, self.defaults.area_px, self.model.size_multiple, now.scale)
        return Sheets.of(view.rgb, work.parts[frame], references, size)

    def _called(self, given: Sheets, asked: Request, work: "_Work", key: "_Key") -> RGB:
        """The picture of a call."""

        def step(done: int) -> None:
            work.cancel.check()
            share = (key.number + done / asked.steps) / key.count
            work.tell(share, f"key frame {key.number + 1} of {key.count}, step {done} of {asked.steps}")

        made = work.called(
            self.model,
            self.call(asked, Size.of(given.picture), 1),
            lambda: self.model.painted(given, asked, step),
            lambda result: problem(result, [given.picture]),
        )
        return levels(made)

    def _request(self, work: "_Work") -> Request:
        settings = work.window.settings
        asked = Request.of(settings, self.defaults, seed=settings["generate.seed"], shift=self.defaults.shift)
        if asked.guidance <= 1 or self.model.takes_guidance:
            return asked
        work.say(WITHOUT_GUIDANCE)
        return replace(asked, guidance=1.0)


@dataclass(frozen=True)
class _Work(Work):
    """A window that is being made; `parts` are the masks of what is painted of its views."""

    @cached_property
    def parts(self) -> list[Mask]:
        return [part_mask(view.matte, self.window.settings["generate.apply_to"]) for view in self.views]

    @property
    def given(self) -> dict[int, RGB]:
        """The frames that people painted, by their numbers in the window."""
        given = self.window.given
        return {number: given[view.index] for number, view in enumerate(self.views) if view.index in given}


@dataclass(frozen=True)
class _Key:
    """A frame to paint, which of how many that is, and pictures that it is to look like."""

    frame: int
    number: int = 0
    count: int = 1
    references: tuple[RGB, ...] = ()
    later: tuple[int, ...] = ()
    """Frames that are painted after it with the same references."""


def _going_on(work: _Work) -> list[RGB]:
    """The first frames as the window before made them; none where it did not show all of what is painted in them."""
    carry = work.window.carry
    if carry is None:
        return []
    whole = list[RGB]()
    for frame, valid, view, part in zip(carry.frames, carry.valid, work.views, work.parts, strict=False):
        inside = part > 0
        if inside.any() and (valid[inside] < 128).mean() > MOST_MISSING:
            return []
        whole.append(np.where(valid[..., None] > 127, frame, view.rgb))
    return whole


def _anchor(work: _Work, pictures: Mapping[int, RGB]) -> RGB | None:
    """What people painted first, or what the first key of the clip shows: from the window before, or its end."""
    if work.window.example is not None:
        return work.window.example
    carry = work.window.carry
    if carry and ANCHOR in carry.state:
        return np.asarray(carry.state[ANCHOR], np.uint8)
    return next((cut_out(picture, work.parts[frame]) for frame, picture in pictures.items()), None)


def _grey(picture: RGB) -> NDArray[np.uint8]:
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY))
