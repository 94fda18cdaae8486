"""A session of Wan VACE: makes windows, in calls that fit into memory, and does not let a failed picture pass."""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.engines.base import Call, Carry, EngineError, EngineFrame, Output, Provenance, Tell, View, Window
from pipeline.engines.diffusion.attempts import Attempt, Attempts
from pipeline.engines.diffusion.pictures import faded, problem, resized, shown, working_size
from pipeline.engines.vace.carrying import Carried, Latents
from pipeline.engines.vace.conditioning import Conditioning, Conditions
from pipeline.engines.vace.defaults import Defaults
from pipeline.engines.vace.opened import Floats, Opened, Request, Step
from utils.image import RGB, Size
from utils.memory import peak_cuda_mb
from utils.progress import Cancel

CARRIED = 5
"""Frames that a call continues from where a window is made in several."""
NOT_CARRIED = "The latents of the window before show another crop or other frames, so its pixels were carried."
Made = tuple[RGB, NDArray[np.uint8]]
"""A frame at the working size, and the mask of the part of it that is shown."""


@dataclass
class VaceSession:
    """Makes windows with an opened model."""

    provenance: Provenance
    model: Opened
    defaults: Defaults
    attempts: Attempts
    said: tuple[str, ...] = ()
    """What was done differently than asked for when the model was opened."""

    def preview(self, window: Window, index: int) -> RGB:
        """One frame by itself, which costs a small part of a window."""
        view = next(view for view in window.views() if view.index == index)
        alone = replace(Window.single(view, window.settings, window.style, window.rate), controls=window.controls)
        work = _Work(alone, [view], Cancel(), lambda share, note: None, Output(iter(())))
        ((rgb, mask),) = self._made(work)
        return shown(view, rgb, mask)

    def run(self, window: Window, cancel: Cancel, tell: Tell) -> Output:
        """Make the frames of a window; they come when all of them are made."""
        output = Output(iter(()), list(self.said))
        return replace(output, frames=self._frames(window, cancel, tell, output))

    def close(self) -> None:
        """Release the model."""
        self.model.close()

    def _frames(self, window: Window, cancel: Cancel, tell: Tell, output: Output) -> Iterator[EngineFrame]:
        cancel.check()
        views = list(window.views())
        made = self._made(_Work(window, views, cancel, tell, output))
        part = window.settings["generate.apply_to"]
        for rgb, mask in made:
            alpha = resized(faded(mask), window.size) if part == "person" else None
            yield EngineFrame(resized(rgb, window.size), alpha)

    def _made(self, work: "_Work") -> list[Made]:
        """All frames of a window, with the attempt that fits."""
        return self.attempts.run(lambda attempt: self._attempted(work, attempt), work.output.fallbacks)

    def _attempted(self, work: "_Work", attempt: Attempt) -> list[Made]:
        """The frames of a window in calls of at most so many frames, each continuing from the one before."""
        self.model.read(self._request(work.window.settings))
        self.model.place(attempt.offload, tiled=attempt.tiled)
        conditions = self._conditions(work, attempt.scale)
        made, carry, start = list[Made](), work.window.carry, 0
        carried = Carried.from_state(carry.state) if carry else None
        while len(made) < len(work.views):
            views = tuple(work.views[start : start + attempt.frames])
            given = conditions.of(views, carry, work.window.style.references)
            given = replace(given, lead=self._lead(work, views, carry, carried, conditions.size))
            frames, latents = self._checked(given, work, (start, len(views)))
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
        if lead is None and len(carry.frames) > 1 and NOT_CARRIED not in work.output.fallbacks:
            work.output.fallbacks.append(NOT_CARRIED)
        return lead

    def _conditions(self, work: "_Work", scale: float) -> Conditions:
        settings = work.window.settings
        name = settings["generate.control"]
        draw = work.window.controls.get(name) if name != "none" else None
        size = working_size(work.window.size, self.defaults.area_px, self.model.size_multiple, scale)
        return Conditions(size, settings["generate.apply_to"], draw)

    def _checked(self, given: Conditioning, work: "_Work", place: tuple[int, int]) -> tuple[list[RGB], Latents]:
        """The frames of a call, and their latents; one that fails is tried again in full precision, and never kept."""
        asked, (start, count) = self._request(work.window.settings), place

        def step(done: int) -> None:
            work.cancel.check()
            share = (start + count * done / asked.steps) / len(work.views)
            work.tell(min(share, 1.0), f"step {done} of {asked.steps}")

        made, latents = self._timed(given, asked, step, work.output)
        self._say_if_cut(asked, work.output)
        if wrong := problem(made, given.pictures):
            if not self.model.to_full_precision():
                raise EngineError(
                    f"The model made only {wrong}.", "Try another seed or fewer LoRAs; verify the model's files."
                )
            work.output.fallbacks.append(f"The model made only {wrong}; it computes in full precision now.")
            made, latents = self.model.frames(given, asked, step)
            if wrong := problem(made, given.pictures):
                raise EngineError(
                    f"The model made only {wrong}, in full precision too.",
                    "Verify the model's files, or try another seed.",
                )
        return [np.asarray(np.rint(255 * frame), np.uint8) for frame in made[: len(given)]], latents

    def _timed(self, given: Conditioning, asked: Request, step: Step, output: Output) -> tuple[Floats, Latents]:
        """The frames of a call and their latents; what it took is noted."""
        peak_cuda_mb(anew=True)
        started = time.perf_counter()
        made, latents = self.model.frames(given, asked, step)
        call = Call(
            model=str(self.provenance.settings["model"]),
            size=Size.of(given.pictures[0]),
            frames=len(given),
            steps=asked.steps,
            passes=asked.passes,
            seconds=time.perf_counter() - started,
            vram_mb=peak_cuda_mb(),
        )
        output.calls.append(call)
        return made, latents

    def _request(self, settings: Mapping[str, Any]) -> Request:
        return Request(
            prompt=settings["generate.prompt"],
            negative_prompt=settings["generate.negative_prompt"],
            steps=settings["generate.steps"] or self.defaults.steps,
            guidance=settings["generate.guidance"] or self.defaults.guidance,
            control_strength=settings["generate.control_strength"],
            seed=settings["generate.seed"],
        )

    def _say_if_cut(self, asked: Request, output: Output) -> None:
        if self.model.prompts.was_cut(asked.prompt):
            sentence = f"The prompt is longer than {self.model.prompts.most_tokens} tokens; its end was not read."
            if sentence not in output.fallbacks:
                output.fallbacks.append(sentence)


@dataclass(frozen=True)
class _Work:
    """A window that is being made."""

    window: Window
    views: Sequence[View]
    cancel: Cancel
    tell: Tell
    output: Output

    @property
    def carries_latents(self) -> bool:
        """Whether latents go from call to call and from window to window, and not only pixels."""
        return bool(self.window.settings["generate.carry"] == "latents")


def _tail(frames: list[RGB]) -> Carry:
    """The end of what is made, to continue from."""
    whole = np.full(frames[0].shape[:2], 255, np.uint8)
    return Carry(tuple(frames), (whole,) * len(frames))
