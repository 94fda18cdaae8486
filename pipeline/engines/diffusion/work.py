"""A window that is being made with a model: how it stops and tells, what comes out, and how the model is called."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Self, TypeVar

from pipeline.engines.base import Call, EngineError, Output, Tell, View, Window
from pipeline.engines.diffusion.placed import Placed
from utils.memory import peak_cuda_mb
from utils.progress import Cancel

Made = TypeVar("Made")


@dataclass(frozen=True)
class Work:
    """A window that is being made."""

    window: Window
    views: Sequence[View]
    cancel: Cancel
    tell: Tell
    output: Output

    @classmethod
    def of(cls, window: Window, cancel: Cancel, tell: Tell, output: Output) -> Self:
        """That of a whole window."""
        cancel.check()
        return cls(window, list(window.views()), cancel, tell, output)

    @classmethod
    def single(cls, window: Window, index: int) -> Self:
        """That of one frame by itself, which costs a small part of a window."""
        view = next(view for view in window.views() if view.index == index)
        alone = replace(Window.single(view, window.settings, window.style, window.rate), controls=window.controls)
        return cls(alone, [view], Cancel(), lambda share, note: None, Output(iter(())))

    def say(self, sentence: str) -> None:
        """Note once what is done otherwise than asked for."""
        if sentence not in self.output.fallbacks:
            self.output.fallbacks.append(sentence)

    def say_if_cut(self, model: Placed, prompt: str) -> None:
        """Note a prompt whose end the model does not read."""
        if model.prompts.was_cut(prompt):
            self.say(f"The prompt is longer than {model.prompts.most_tokens} tokens; its end was not read.")

    def stepping(self, first: int, frames: int, steps: int) -> Callable[[int], None]:
        """What follows each step of a call for some frames: it stops where that was asked for, and tells its share."""

        def step(done: int) -> None:
            self.cancel.check()
            share = (first + frames * done / steps) / len(self.views)
            self.tell(min(share, 1.0), f"step {done} of {steps}")

        return step

    def called(
        self, model: Placed, about: Call, make: Callable[[], Made], problem_of: Callable[[Made], str | None]
    ) -> Made:
        """What a call of the model makes; one that fails is tried once more in full precision, and never kept."""
        made = self._timed(about, make)
        problem = problem_of(made)
        if not problem:
            return made
        if not model.to_full_precision():
            raise EngineError(
                f"The model made only {problem}.", "Try another seed or fewer LoRAs; verify the model's files."
            )
        self.say(f"The model made only {problem}; it computes in full precision now.")
        made = self._timed(about, make)
        if problem := problem_of(made):
            raise EngineError(
                f"The model made only {problem}, in full precision too.",
                "Verify the model's files, or try another seed.",
            )
        return made

    def _timed(self, about: Call, make: Callable[[], Made]) -> Made:
        """What a call makes; what it took is noted."""
        peak_cuda_mb(anew=True)
        started = time.perf_counter()
        made = make()
        self.output.calls.append(replace(about, seconds=time.perf_counter() - started, vram_mb=peak_cuda_mb()))
        return made
