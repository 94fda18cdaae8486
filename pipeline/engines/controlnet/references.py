"""Reference pictures for Stable Diffusion: IP-Adapter adds what an image encoder says of them to the attention.

Both are loaded with the first picture. The encoder is released at once, and what it says is kept by content.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from diffusers.utils import logging
from safetensors.torch import load_file
from transformers import CLIPVisionModelWithProjection
from transformers.image_utils import OPENAI_CLIP_MEAN, OPENAI_CLIP_STD

from pipeline.engines.base import EngineError
from pipeline.engines.controlnet.parts import REFERENCE, Parts
from pipeline.engines.diffusion.components import REPAIR, component
from utils.image import RGB, Size, at_size
from utils.memory import clear_cuda

if TYPE_CHECKING:
    from pipeline.models.finding import Found

ENCODER = "encoder"
"""The part of an adapter that looks at pictures."""
PATCHES, WHOLE = "image_proj.proj_in.weight", "image_proj.proj.weight"
"""A weight of adapters that read all patches of a picture, and of those that read one vector for the whole of it."""
NOTHING = "nothing"
"""The key of what the encoder says of no picture, which is what guidance leads away from."""
SUFFIX = ".safetensors"


@dataclass(frozen=True)
class Adapter:
    """The weights of an adapter, under the names that its file has."""

    name: str
    weights: dict[str, torch.Tensor]

    @classmethod
    def of(cls, found: Found) -> Adapter:
        """Read its file."""
        files = [path for path in found.files if path.endswith(SUFFIX)]
        if len(files) != 1:
            raise EngineError(f"{found.path} holds {len(files)} adapters, where there should be one.", REPAIR)
        weights = load_file(found.path / files[0])
        if PATCHES not in weights and WHOLE not in weights:
            raise EngineError(
                f"{found.model.name} is no adapter for whole pictures.", "Choose an IP-Adapter that reads no faces."
            )
        return cls(found.model.name, weights)

    @property
    def reads_patches(self) -> bool:
        """Whether it reads all patches of a picture."""
        return PATCHES in self.weights

    def attach(self, pipe: Any) -> None:
        """Put it into the painter of a pipeline; EngineError if it is for another one."""
        self._check_fits(pipe.unet)
        groups: dict[str, dict[str, torch.Tensor]] = {"image_proj": {}, "ip_adapter": {}}
        for name, value in self.weights.items():
            group, _, own = name.partition(".")
            groups.setdefault(group, {})[own] = value
        before = logging.get_verbosity()
        logging.set_verbosity_error()  # it warns that the image encoder is not loaded, which is meant
        try:
            pipe.load_ip_adapter(groups, subfolder="", weight_name="", image_encoder_folder=None)
        finally:
            logging.set_verbosity(before)
        pipe.unet.requires_grad_(False)

    def _check_fits(self, unet: Any) -> None:
        """Compare its layers with those of the painter that read the prompt, which it doubles."""
        layers = [name for name in unet.attn_processors if name.endswith("attn2.processor")]
        own = [tuple(unet.get_submodule(name.removesuffix(".processor")).to_k.weight.shape) for name in layers]
        keys = [f"ip_adapter.{2 * number + 1}.to_k_ip.weight" for number in range(len(layers))]
        there = [tuple(self.weights[key].shape) if key in self.weights else None for key in keys]
        if own != there:
            raise EngineError(f"{self.name} is for another model.", "Choose an adapter made for this checkpoint.")


@dataclass
class References:
    """What the image encoder says of pictures, and the adapter that is in the painter."""

    parts: Parts
    device: torch.device
    encoded: int = 0
    """How many pictures the encoder has looked at."""
    _kept: dict[str, torch.Tensor] = field(default_factory=dict)
    _attached: str = ""
    """The digest of the adapter that is in the painter; empty if there is none."""
    _reads_patches: bool = True

    def prepare(self, pipe: Any, pictures: Sequence[RGB], strength: float, make_room: Callable[[], None]) -> None:
        """Let a painter take after pictures, so much; without any no adapter is in it. `make_room` empties the card."""
        if not pictures:
            if self._attached:
                make_room()
                pipe.unload_ip_adapter()
                self._attached = ""
            return
        found = self.parts.found(REFERENCE)
        wanted = {NOTHING: None} | {_digest(picture): picture for picture in pictures}
        if found.digest != self._attached:
            make_room()
            adapter = Adapter.of(found)
            adapter.attach(pipe)
            self._attached, self._reads_patches = found.digest, adapter.reads_patches
            self._kept = {}
        if new := {key: picture for key, picture in wanted.items() if key not in self._kept}:
            make_room()
            self._look(_encoder(found), new, pipe.unet.dtype)
        self._kept = {key: self._kept[key] for key in wanted}
        pipe.set_ip_adapter_scale(strength)

    def said(self, pictures: Sequence[RGB]) -> tuple[torch.Tensor, torch.Tensor]:
        """What the encoder says of pictures, 1 x pictures x ..., and of none, in the same shape; on the processor."""
        shown = torch.stack([self._kept[_digest(picture)] for picture in pictures])[None]
        return shown, self._kept[NOTHING].expand_as(shown)

    def _look(self, encoder: Found, pictures: dict[str, RGB | None], dtype: torch.dtype) -> None:
        """Look at pictures that are new; the encoder leaves the card and the memory at once."""
        (config,) = (path for path in encoder.files if path.endswith("config.json"))
        folder = encoder.path / Path(config).parent
        model = component(folder, CLIPVisionModelWithProjection, dtype).to(self.device)
        reads_patches = self._reads_patches
        for key, picture in pictures.items():
            with torch.no_grad():
                told = model(_pixels(picture, model).to(self.device), output_hidden_states=reads_patches)
            states = told.hidden_states[-2][0] if reads_patches else told.image_embeds[0]
            self._kept[key] = (states if reads_patches or picture is not None else torch.zeros_like(states)).cpu()
            self.encoded += picture is not None
        del model
        clear_cuda()


def _encoder(adapter: Found) -> Found:
    """What looks at pictures for an adapter."""
    if ENCODER not in adapter.parts:
        raise EngineError(
            f"{adapter.model.name} names no image encoder.",
            "Write `parts: {encoder: ip-adapter-encoder}` into its model file.",
        )
    return adapter.parts[ENCODER]


def _pixels(picture: RGB | None, model: Any) -> torch.Tensor:
    """A picture as CLIP sees it, whole: it is squeezed to a square rather than cut. Grey for none."""
    side = model.config.image_size
    if picture is None:
        return torch.zeros(1, 3, side, side, dtype=model.dtype)
    seen = torch.from_numpy(at_size(picture, Size(side, side))).float() / 255
    mean, deviation = (torch.tensor(each) for each in (OPENAI_CLIP_MEAN, OPENAI_CLIP_STD))
    return ((seen - mean) / deviation).permute(2, 0, 1)[None].to(model.dtype)


def _digest(picture: RGB) -> str:
    from utils.digest import canonical_json, digest_bytes

    return digest_bytes(canonical_json(list(picture.shape)) + picture.tobytes())
