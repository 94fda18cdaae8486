"""The library's pipeline for Wan VACE, with masks of the frames that a latent stands for, and with carried latents."""

from typing import Any

import torch
from diffusers import WanVACEPipeline

from pipeline.engines.diffusion.wan import groups


class VacePipeline(WanVACEPipeline):  # type: ignore[misc]
    """Wan VACE. The library's own masks are sampled evenly, which for most latents is a frame of the next group."""

    lead: torch.Tensor | None = None
    """Clean latents that follow the first one, channels x latents x height x width; None to make all."""
    known: torch.Tensor | None = None
    """The first latent and the lead, while a call with a lead is under way."""

    def prepare_video_latents(
        self, video: torch.Tensor, mask: torch.Tensor, reference_images: Any = None, *more: Any
    ) -> torch.Tensor:
        """What is kept and what leads the model, as latents; those of a lead are taken instead of encoding them."""
        latents: torch.Tensor = super().prepare_video_latents(video, mask, reference_images, *more)
        if self.lead is not None:
            channels, shared = self.lead.shape[:2]
            first = len(reference_images[0]) if reference_images else 0
            latents[0, :channels, first + 1 : first + 1 + shared] = self.lead.to(latents)
            self.known = latents[:, :channels, first : first + 1 + shared].clone()
        return latents

    def prepare_masks(
        self, mask: torch.Tensor, reference_images: Any = None, generator: torch.Generator | None = None
    ) -> torch.Tensor:
        """Masks as the model reads them: each pixel of a latent's 8 x 8 as a channel, one frame for each latent.

        All frames of a group have one mask (`conditioning.united`) but for those that are given: a latent is made
        anew where any of its frames is. The latents of reference pictures come first; nothing in them is made anew.
        """
        side = self.vae_scale_factor_spatial
        chosen = torch.stack([mask[0, 0, start:stop].amax(dim=0) for start, stop in groups(mask.shape[2])])
        count, height, width = chosen.shape
        cells = chosen.view(count, height // side, side, width // side, side)
        channels = cells.permute(2, 4, 0, 1, 3).flatten(0, 1)
        references = len(reference_images[0]) if reference_images else 0
        before = torch.zeros_like(channels[:, :1]).repeat(1, references, 1, 1)
        return torch.cat([before, channels], dim=1)[None]
