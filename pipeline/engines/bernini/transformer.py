"""Wan's transformer, which also reads clean latents: those of a source video, and of reference pictures.

They stand in one sequence with the latents that are made, at the same places in space and time, and all attend to all.
What tells them apart is a number, whose rotary embedding over the whole head is added to that of the place: 0 for what
is made, 1 for the source, and so on. Wan has no weight more for it.
"""

from collections.abc import Sequence
from typing import Any

import torch
from diffusers import WanTransformer3DModel
from diffusers.models.embeddings import get_1d_rotary_pos_embed

Rotary = tuple[torch.Tensor, torch.Tensor]
"""Cosines and sines, 1 x tokens x 1 x width of a head, each angle twice."""


class SourceTransformer(WanTransformer3DModel):  # type: ignore[misc]
    """Wan's transformer with sources, which are numbered from 1 in the order in which they are given."""

    def forward(
        self,
        hidden_states: torch.Tensor,
        timestep: torch.Tensor,
        encoder_hidden_states: torch.Tensor,
        sources: Sequence[torch.Tensor] = (),
        **_: Any,
    ) -> tuple[torch.Tensor]:
        """The velocity of noisy latents (batch x channels x time x height x width); sources have the same channels."""
        numbered = [*enumerate(sources, start=1), (0, hidden_states)]
        rotary = [turned(self.rope(latents), number) for number, latents in numbered]
        cosines, sines = (torch.cat(parts, dim=1) for parts in zip(*rotary, strict=True))
        embedded = [self.patch_embedding(latents).flatten(2).transpose(1, 2) for _, latents in numbered]
        tokens, count = torch.cat(embedded, dim=1), embedded[-1].shape[1]
        time, modulation, text, _none = self.condition_embedder(timestep, encoder_hidden_states, None)
        modulation = modulation.unflatten(1, (6, -1))
        for block in self.blocks:
            tokens = block(tokens, text, modulation, (cosines, sines))
        return (self._velocity(tokens[:, -count:], time, hidden_states.shape),)

    def _velocity(self, tokens: torch.Tensor, time: torch.Tensor, shape: torch.Size) -> torch.Tensor:
        """What the last layer makes of the tokens of noisy latents, in the form of these."""
        shift, scale = (self.scale_shift_table.to(time.device) + time[:, None]).chunk(2, dim=1)
        tokens = self.proj_out((self.norm_out(tokens.float()) * (1 + scale) + shift).type_as(tokens))
        patch = self.config.patch_size
        places = [whole // part for whole, part in zip(shape[2:], patch, strict=True)]
        cells = tokens.unflatten(2, (*patch, -1)).unflatten(1, places)
        return cells.permute(0, 7, 1, 4, 2, 5, 3, 6).reshape(shape[0], -1, *shape[2:])


def turned(rotary: Rotary, number: int) -> Rotary:
    """Rotary embeddings of places, with those of a source's number added to each."""
    if not number:
        return rotary
    cosine, sine = rotary
    at = torch.tensor([float(number)], dtype=torch.float64, device=cosine.device)
    more_cosine, more_sine = get_1d_rotary_pos_embed(
        cosine.shape[-1], at, use_real=True, repeat_interleave_real=True, freqs_dtype=torch.float64
    )
    return cosine * more_cosine - sine * more_sine, sine * more_cosine + cosine * more_sine
