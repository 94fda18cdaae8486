"""A session of ControlNet: makes the frames of a window in rounds, in calls that fit into memory."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from pipeline.engines.base import EngineError, EngineFrame, Output, Provenance, Tell, View, Window
from pipeline.engines.controlnet.defaults import MOST_ENLARGED, Defaults
from pipeline.engines.controlnet.opened import Opened, Request
from pipeline.engines.controlnet.order import Turn, rounds
from pipeline.engines.controlnet.starts import Look, Starts
from pipeline.engines.diffusion.attempts import Attempt, Attempts
from pipeline.engines.diffusion.pictures import Floats, faded, part_mask, problem, resized, shown, working_size
from utils.image import RGB
from utils.memory import clear_cuda
from utils.progress import Cancel


@dataclass
class ControlnetSession:
    """Makes windows with an opened model."""

    provenance: Provenance
    model: Opened
    defaults: Defaults
    attempts: Attempts
    notes: Sequence[str] = ()
    """What people should know of every window, such as a part of a LoRA that is not used."""

    def preview(self, window: Window, index: int) -> RGB:
        """One frame by itself, made as keys are."""
        view = next(view for view in window.views() if view.index == index)
        alone = replace(Window.single(view, window.settings, window.style, window.rate), controls=window.controls)
        (frame,) = self._frames(alone, Cancel(), lambda share, note: None, Output(iter(())))
        return shown(view, frame.rgb, part_mask(view.matte, window.settings["generate.apply_to"]))

    def run(self, window: Window, cancel: Cancel, tell: Tell) -> Output:
        """Make the frames of a window; they come when all of them are made."""
        output = Output(iter(()), list(self.notes))
        return Output(self._frames(window, cancel, tell, output), output.fallbacks, output.state)

    def close(self) -> None:
        """Release the model."""
        self.model.close()

    def _frames(self, window: Window, cancel: Cancel, tell: Tell, output: Output) -> Iterator[EngineFrame]:
        cancel.check()
        views = list(window.views())
        part = window.settings["generate.apply_to"]
        made = self._made(_Work(window, views, cancel, tell, output))
        for view, rgb in zip(views, made, strict=True):
            alpha = faded(part_mask(view.matte, part)) if part == "person" else None
            yield EngineFrame(resized(rgb, window.size), alpha)

    def _made(self, work: "_Work") -> list[RGB]:
        """All frames of a window, with the attempt that fits; without strength they are the source."""
        if not work.window.settings["generate.strength"]:
            return [view.rgb for view in work.views]
        try:
            return self.attempts.run(lambda attempt: self._attempted(work, attempt), work.output.fallbacks)
        finally:
            clear_cuda()

    def _attempted(self, work: "_Work", attempt: Attempt) -> list[RGB]:
        """The frames of a window, round by round."""
        asked = self._request(work)
        self.model.read(asked)
        self._say_if_cut(asked, work.output)
        self.model.place(attempt.offload)
        carry = work.window.carry
        before = (carry.frames[0], carry.valid[0]) if carry and carry.frames else None
        starts = Starts(work.views, self._look(work.window, attempt.scale), before)
        for turns in rounds(len(work.views)):
            left = [turn for turn in turns if turn.index not in starts.finished]
            for first in range(0, len(left), attempt.frames):
                self._make(left[first : first + attempt.frames], starts, asked, work)
        return [starts.finished[number] for number in range(len(work.views))]

    def _make(self, turns: Sequence[Turn], starts: Starts, asked: Request, work: "_Work") -> None:
        """Make some frames at once; those that fail are tried once more in full precision, and never kept."""
        given = [starts.of(turn) for turn in turns]
        sources = [starts.source(turn.index) for turn in turns]
        done, total = len(starts.finished), len(work.views)

        def step(number: int, steps: int) -> None:
            work.cancel.check()
            work.tell((done + len(turns) * number / steps) / total, f"step {number} of {steps}, {len(turns)} at once")

        made = self.model.frames(given, asked, step)
        if wrong := _wrong(made, sources):
            if not self.model.to_full_precision():
                raise EngineError(
                    f"The model made only {wrong}.", "Try another seed or fewer LoRAs; verify the model's files."
                )
            work.output.fallbacks.append(f"The model made only {wrong}; it computes in full precision now.")
            made = self.model.frames(given, asked, step)
            if wrong := _wrong(made, sources):
                raise EngineError(
                    f"The model made only {wrong}, in full precision too.",
                    "Verify the model's files, or try another seed.",
                )
        for turn, frame in zip(turns, made, strict=True):
            starts.finished[turn.index] = np.asarray(np.rint(255 * frame), np.uint8)

    def _look(self, window: Window, scale: float) -> Look:
        settings = window.settings
        name = settings["generate.control"]
        size = working_size(window.size, self.defaults.area_px, self.model.cell_px, scale, MOST_ENLARGED)
        return Look(
            size=size,
            cell_px=self.model.cell_px,
            part=settings["generate.apply_to"],
            strength=settings["generate.strength"],
            control=window.controls[name] if name != "none" else None,
            seed=settings["generate.seed"],
        )

    def _request(self, work: "_Work") -> Request:
        settings: Mapping[str, Any] = work.window.settings
        return Request(
            prompt=settings["generate.prompt"],
            negative_prompt=settings["generate.negative_prompt"],
            steps=settings["generate.steps"] or self.defaults.steps,
            guidance=settings["generate.guidance"] or self.defaults.guidance,
            control=settings["generate.control"],
            control_strength=settings["generate.control_strength"],
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
    output: Output = field(repr=False)


def _wrong(made: Floats, sources: Sequence[RGB]) -> str | None:
    """What is wrong with any of these frames."""
    found = (problem(frame, [source]) for frame, source in zip(made, sources, strict=True))
    return next((each for each in found if each), None)
