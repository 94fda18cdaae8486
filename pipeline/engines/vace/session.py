"""A session of Wan VACE: makes windows, in calls that fit into memory, and does not let a failed picture pass."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.engines.base import Carry, EngineFrame, Output, Tell, View, Window
from pipeline.engines.diffusion.attempts import Attempt
from pipeline.engines.diffusion.pictures import faded, levels, problem, resized, shown, working_size
from pipeline.engines.diffusion.session import DiffusionSession
from pipeline.engines.diffusion.work import Work
from pipeline.engines.vace.carrying import Carried, Latents
from pipeline.engines.vace.conditioning import Conditioning, Conditions
from pipeline.engines.vace.defaults import Defaults
from pipeline.engines.vace.opened import Opened, Request
from utils.image import RGB, Size
from utils.progress import Cancel

CARRIED = 5
"""Frames that a call continues from where a window is made in several."""
NOT_CARRIED = "The latents of the window before show another crop or other frames, so its pixels were carried."
Made = tuple[RGB, NDArray[np.uint8]]
"""A frame at the working size, and the mask of the part of it that is shown."""


class VaceSession(DiffusionSession[Opened, Defaults]):
    """Makes windows with an opened model."""

    def preview(self, window: Window, index: int) -> RGB:
        """One frame by itself, which costs a small part of a window."""
        work = _Work.single(window, index)
        ((rgb, mask),) = self._made(work)
        return shown(work.views[0], rgb, mask)

    def frames(self, window: Window, cancel: Cancel, tell: Tell, output: Output) -> Iterator[EngineFrame]:
        """Made in as few calls as fit into memory."""
        made = self._made(_Work.of(window, cancel, tell, output))
        part = window.settings["generate.apply_to"]
        for rgb, mask in made:
            alpha = resized(faded(mask), window.size) if part == "person" else None
            yield EngineFrame(resized(rgb, window.size), alpha)

    def _made(self, work: "_Work") -> list[Made]:
        """All frames of a window, with the attempt that fits."""
        return self.attempts.run(lambda attempt: self._attempted(work, attempt), work.output.fallbacks)

    def _attempted(self, work: "_Work", attempt: Attempt) -> list[Made]:
        """The frames of a window in calls of at most so many frames, each continuing from the one before."""
        asked = self._request(work.window.settings)
        self.model.read(asked)
        work.say_if_cut(self.model, asked.prompt)
        self.model.place(attempt.offload, tiled=attempt.tiled)
        conditions = self._conditions(work, attempt.scale)
        made, carry, start = list[Made](), work.window.carry, 0
        carried = Carried.from_state(carry.state) if carry else None
        while len(made) < len(work.views):
            views = tuple(work.views[start : start + attempt.frames])
            given = conditions.of(views, carry, work.window.style.references)
            given = replace(given, lead=self._lead(work, views, carry, carried, conditions.size))
            frames, latents = self._called(given, asked, work, start)
            made += list(zip(frames, given.parts, strict=True))[len(made) - start :]
            start = len(made) - CARRIED
            carry = _tail([rgb for rgb, _ in made[start:]])
            carried = Carried.of(latents, views)
        if work.carries_latents and carried:
            work.output.state.update(carried.state())
        return made

    def _lead(
        self, work: "_Work", views: tuple[View, ...], carry: Carry | None, carried: Carried | None, size: Size
    ) -> Latents | None:
        """The latents that a call takes over; where it cannot, the pixels have to do, which is said."""
        if carry is None or not carry.frames or not work.carries_latents:
            return None
        side = self.model.pipe.vae_scale_factor_spatial
        shape = (size.height_px // side, size.width_px // side)
        lead = carried.lead(views, len(carry.frames), shape) if carried else None
        if lead is None and len(carry.frames) > 1:
            work.say(NOT_CARRIED)
        return lead

    def _conditions(self, work: "_Work", scale: float) -> Conditions:
        settings = work.window.settings
        name = settings["generate.control"]
        draw = work.window.controls.get(name) if name != "none" else None
        size = working_size(work.window.size, self.defaults.area_px, self.model.size_multiple, scale)
        return Conditions(size, settings["generate.apply_to"], draw, work.window.given)

    def _called(self, given: Conditioning, asked: Request, work: "_Work", start: int) -> tuple[list[RGB], Latents]:
        """The frames of a call that begins at a frame of the window, and their latents."""
        count = len(given)
        step = work.stepping(start, count, asked.steps)
        about = self.call(asked, Size.of(given.pictures[0]), count)
        made, latents = work.called(
            self.model,
            about,
            lambda: self.model.frames(given, asked, step),
            lambda result: problem(result[0], given.pictures),
        )
        return [levels(frame) for frame in made[:count]], latents

    def _request(self, settings: Mapping[str, Any]) -> Request:
        return Request.of(
            settings,
            self.defaults,
            control_strength=settings["generate.control_strength"],
            seed=settings["generate.seed"],
        )


@dataclass(frozen=True)
class _Work(Work):
    """A window that is being made, from latents or from pixels of the one before."""

    @property
    def carries_latents(self) -> bool:
        """Whether latents go from call to call and from window to window, and not only pixels."""
        return bool(self.window.settings["generate.carry"] == "latents")


def _tail(frames: list[RGB]) -> Carry:
    """The end of what is made, to continue from."""
    whole = np.full(frames[0].shape[:2], 255, np.uint8)
    return Carry(tuple(frames), (whole,) * len(frames))
