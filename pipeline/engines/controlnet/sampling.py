"""The steps from noise to a picture, for several frames at once, each cell with a strength of its own.

The library's pipelines draw fresh noise for each call, have one strength for a whole picture, and encode a masked copy
of it besides: here noise and strength belong to cells, and a cell joins in at the step that its strength begins with.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from inspect import signature
from typing import Any

import numpy as np
import torch
from diffusers import DPMSolverMultistepScheduler, EulerDiscreteScheduler, LCMScheduler
from numpy.typing import NDArray

from pipeline.engines.base import EngineError
from pipeline.engines.controlnet.defaults import Defaults

Step = Callable[[int, int], None]
"""Called after each step with the number of those that are done and of all; raises where the work is cancelled."""
Guess = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
"""What the model takes for the noise in some latents at a time."""


def scheduler(config: Mapping[str, Any], defaults: Defaults) -> Any:
    """The sampler that a checkpoint was distilled for, else DPM-Solver++, with the noise of its configuration."""
    kind: Any = LCMScheduler if defaults.lcm else DPMSolverMultistepScheduler
    kind = EulerDiscreteScheduler if defaults.lightning else kind
    known = {name: config[name] for name in signature(kind.__init__).parameters if name in config}
    return kind.from_config({**known, "timestep_spacing": "trailing"} if defaults.lightning else known)


def first_steps(strength: NDArray[np.float32], steps: int) -> NDArray[np.int64]:
    """The step that each cell joins in at; `steps` where it stays as it is."""
    return np.asarray(steps - np.ceil(strength.clip(0, 1) * steps - 1e-4), np.int64)


def taken(strengths: Iterable[NDArray[np.float32]], steps: int) -> int:
    """How many of the steps are taken for some frames at once: from the first one that any cell joins in at."""
    return steps - min(int(first_steps(each, steps).min()) for each in strengths)


@dataclass(frozen=True)
class Sampling:
    """A sampler that is ready for so many steps, and the latents that it starts from."""

    scheduler: Any
    steps: int
    clean: torch.Tensor
    """The latents of the start pictures."""
    noise: torch.Tensor

    @classmethod
    def of(cls, scheduler: Any, steps: int, clean: torch.Tensor, noise: torch.Tensor) -> "Sampling":
        """Set the sampler to so many steps; their times stay on the processor, where no step waits for them."""
        try:
            scheduler.set_timesteps(steps)
        except ValueError as error:
            raise EngineError(f"This checkpoint cannot be used with {steps} steps.", "Choose at most 50.") from error
        return cls(scheduler, steps, clean, noise)

    def run(self, first: NDArray[np.int64], guess: Guess, step: Step) -> torch.Tensor:
        """The latents of the made pictures; `first` holds the step that each cell joins in at (`first_steps`)."""
        joins = torch.from_numpy(first)[:, None].to(self.clean.device)
        begin, latents = int(first.min()), self.clean
        if begin >= self.steps:
            return latents
        self.scheduler.set_begin_index(begin)
        for number in range(begin, self.steps):
            time = self.scheduler.timesteps[number]
            latents = torch.where(joins >= number, self._noised(time), latents)
            latents = self._stepped(guess(self.scheduler.scale_model_input(latents, time), time), number, latents)
            step(number + 1 - begin, self.steps - begin)
        return torch.where(joins >= self.steps, self.clean, latents)

    def _noised(self, time: torch.Tensor, clean: torch.Tensor | None = None) -> torch.Tensor:
        noised: torch.Tensor = self.scheduler.add_noise(self.clean if clean is None else clean, self.noise, time[None])
        return noised

    def _stepped(self, guessed: torch.Tensor, number: int, latents: torch.Tensor) -> torch.Tensor:
        """The latents after a step. Consistency models add noise again: ours, where the library draws fresh one."""
        made = self.scheduler.step(guessed, self.scheduler.timesteps[number], latents, return_dict=False)
        if not isinstance(self.scheduler, LCMScheduler):
            after: torch.Tensor = made[0]
            return after
        is_last = number + 1 == self.steps
        denoised: torch.Tensor = made[1]
        return denoised if is_last else self._noised(self.scheduler.timesteps[number + 1], denoised)
