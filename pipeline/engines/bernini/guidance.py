"""Guidance: how far a step goes beyond what the model says with the prompt, away from what it says without.

Without reference pictures it is adaptive projected guidance (arXiv 2410.02416): of the change that the prompt makes to
the clean picture, what only makes it stronger counts less, and no frame changes too much, so that colours do not burn
out. With reference pictures the source, these, and the prompt each have a strength of their own.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch

Ask = Callable[[torch.Tensor, Sequence[torch.Tensor]], torch.Tensor]
"""What the model says with a prompt and some sources."""
FRAME = (1, 3, 4)
"""The dimensions of latents that make up a frame: channels, height and width."""
ALONG_SHARE = 0.5
"""How much of a change counts that only makes the picture stronger."""
MOST_CHANGE = 50.0
"""The largest change of a frame of latents, as its length."""
LOW_NOISE_SHARE = 0.8
"""How strong guidance is with the expert for low noise, as a share of that for high noise."""


@dataclass(frozen=True)
class Strengths:
    """How strongly the prompt, the source and the reference pictures lead."""

    prompt: float
    source: float = 1.25
    references: float = 4.5

    def at_low_noise(self) -> "Strengths":
        """Those for the expert for low noise."""
        return replace(
            self,
            prompt=self.prompt * LOW_NOISE_SHARE,
            source=self.source * LOW_NOISE_SHARE,
            references=self.references * LOW_NOISE_SHARE,
        )


@dataclass(frozen=True)
class Seen:
    """What the model is given to look at: the prompt, what is not wanted (None without guidance), and the sources."""

    prompt: torch.Tensor
    not_wanted: torch.Tensor | None
    sources: Sequence[torch.Tensor]
    """The latents of the video, and those of each reference picture."""


def guided(ask: Ask, seen: Seen, strengths: Strengths, latents: torch.Tensor, noisy: torch.Tensor) -> torch.Tensor:
    """The velocity of a step from latents of which a share is noise."""
    if seen.not_wanted is None:
        return ask(seen.prompt, seen.sources)
    if len(seen.sources) == 1:
        without, told = ask(seen.not_wanted, seen.sources), ask(seen.prompt, seen.sources)
        clean = projected(latents - noisy * without, latents - noisy * told, strengths.prompt)
        return (latents - clean) / noisy
    free, video = ask(seen.not_wanted, ()), ask(seen.not_wanted, seen.sources[:1])
    shown, told = ask(seen.not_wanted, seen.sources), ask(seen.prompt, seen.sources)
    return (
        free
        + strengths.source * (video - free)
        + strengths.references * (shown - video)
        + strengths.prompt * (told - shown)
    )


def projected(without: torch.Tensor, told: torch.Tensor, strength: float) -> torch.Tensor:
    """Clean latents, led away from those without the prompt by the change that it makes, frame by frame."""
    change = told - without
    change = change * (MOST_CHANGE / _length(change)).clamp(max=1.0)
    exact = told.double()
    direction = exact / _length(exact).clamp_min(1e-12)
    along = ((change.double() * direction).sum(dim=FRAME, keepdim=True) * direction).to(change)
    return without + strength * (change - along + ALONG_SHARE * along)


def _length(latents: torch.Tensor) -> torch.Tensor:
    """The length of each frame of latents."""
    return torch.linalg.vector_norm(latents, dim=FRAME, keepdim=True)
