"""A session of the engine `bernini`: makes windows, in calls that fit into memory, and keeps no failed picture."""

from collections.abc import Iterator

from pipeline.engines.base import EngineFrame, Output, Tell, Window
from pipeline.engines.bernini.defaults import Defaults
from pipeline.engines.bernini.opened import Given, Opened, Request
from pipeline.engines.diffusion.attempts import Attempt
from pipeline.engines.diffusion.pictures import (
    levels,
    over_source,
    part_mask,
    problem,
    resized,
    shown,
    working_size,
)
from pipeline.engines.diffusion.session import DiffusionSession
from pipeline.engines.diffusion.work import Work
from utils.image import RGB, Size, at_size
from utils.image.blending import blend, overlap_shares
from utils.progress import Cancel

SHARED = 5
"""Frames that two calls share where a window is made in several; they are blended over these."""


class BerniniSession(DiffusionSession[Opened, Defaults]):
    """Makes windows with an opened model."""

    def preview(self, window: Window, index: int) -> RGB:
        """One frame by itself, which costs a small part of a window."""
        work = Work.single(window, index)
        (rgb,), (view,) = self._made(work), work.views
        return shown(view, rgb, part_mask(view.matte, window.settings["generate.apply_to"]))

    def frames(self, window: Window, cancel: Cancel, tell: Tell, output: Output) -> Iterator[EngineFrame]:
        """Made in as few calls as fit into memory; the source is what lies outside of the part."""
        work, part = Work.of(window, cancel, tell, output), window.settings["generate.apply_to"]
        for view, rgb in zip(work.views, self._made(work), strict=True):
            yield over_source(view, resized(rgb, window.size), part_mask(view.matte, part), part)

    def _made(self, work: Work) -> list[RGB]:
        """All frames of a window at the working size, with the attempt that fits."""
        return self.attempts.run(lambda attempt: self._attempted(work, attempt), work.output.fallbacks)

    def _attempted(self, work: Work, attempt: Attempt) -> list[RGB]:
        """The frames of a window in calls of at most so many frames, blended where two of them meet."""
        asked = self._request(work)
        self.model.read(asked)
        work.say_if_cut(self.model, asked.instruction)
        self.model.place(attempt.offload, tiled=attempt.tiled)
        size = working_size(work.window.size, self.defaults.area_px, self.model.size_multiple, attempt.scale)
        references = tuple(self._as_large(each, max(size)) for each in work.window.style.references)
        made, start = list[RGB](), 0
        while len(made) < len(work.views):
            views = work.views[start : start + attempt.frames]
            given = Given(tuple(at_size(view.rgb, size) for view in views), references)
            made = joined(made, self._called(given, asked, work, start), start)
            start = len(made) - SHARED
        return made

    def _as_large(self, reference: RGB, most_px: int) -> RGB:
        """A reference picture in its own shape, whose longer side is no longer than that of the frames."""
        own = Size.of(reference)
        area_px = own.area_px * (most_px / max(own)) ** 2
        return at_size(reference, working_size(own, area_px, self.model.size_multiple))

    def _called(self, given: Given, asked: Request, work: Work, start: int) -> list[RGB]:
        """The frames of a call that begins at a frame of the window."""
        step = work.stepping(start, len(given), asked.steps)
        made = work.called(
            self.model,
            self.call(asked, Size.of(given.pictures[0]), len(given)),
            lambda: self.model.frames(given, asked, step),
            lambda result: problem(result, given.pictures),
        )
        return [levels(frame) for frame in made[: len(given)]]

    def _request(self, work: Work) -> Request:
        settings = work.window.settings
        has_references = bool(work.window.style.references)
        return Request.of(settings, self.defaults, seed=settings["generate.seed"], has_references=has_references)


def joined(before: list[RGB], after: list[RGB], start: int) -> list[RGB]:
    """Frames, and later ones that begin at a frame of theirs; where both are there, one goes over into the other."""
    shared = len(before) - start
    pairs = zip(before[start:], after[:shared], overlap_shares(shared), strict=True)
    both = [blend(earlier, later, share) for earlier, later, share in pairs]
    return [*before[:start], *both, *after[shared:]]
