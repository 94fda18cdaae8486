"""Instructions as Qwen-Image-Edit reads them: Qwen2.5-VL looks at the pictures together with the text.

The library's pipeline does the same, but since version 5 of transformers it does not say which tokens stand for
pictures, without which the encoder takes them for a line of text and not for rows and columns.
"""

from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import numpy as np
import torch
from diffusers import QwenImageEditPlusPipeline
from diffusers.pipelines.qwenimage.pipeline_qwenimage_edit_plus import CONDITION_IMAGE_SIZE, calculate_dimensions

from pipeline.engines.diffusion.prompt import Reader
from pipeline.engines.edit.sheets import Sheets
from utils.image import RGB, Size, at_size

PICTURE, PAD = "Picture {}: <|vision_start|>{}<|vision_end|>", "<|image_pad|>"
"""What stands for a picture in the text, and for each token of it."""
NOTHING = " "
"""What stands for an empty text, as the model's authors write it."""
_OWN = QwenImageEditPlusPipeline(None, None, None, None, None, None)
TEMPLATE, UNREAD = _OWN.prompt_template_encode, _OWN.prompt_template_encode_start_idx
"""The conversation that a text is put into, and how many of its first tokens are left out of what is said of it."""
MOST_TOKENS = int(_OWN.tokenizer_max_length)


@dataclass(frozen=True)
class Shown:
    """A text and the pictures that are read with it; what has the same content is equal."""

    text: str
    content: str
    pictures: tuple[RGB, ...] = field(compare=False, repr=False)

    @classmethod
    def of(cls, text: str, given: Sheets) -> "Shown":
        """A text with the picture to paint and its references, as small as the encoder looks at them."""
        size = Size.of(given.picture)
        small = Size(*calculate_dimensions(CONDITION_IMAGE_SIZE, size.width_px / size.height_px))
        pictures = tuple(at_size(each, small) for each in (given.picture, *given.references))
        content = sha256(b"".join([repr(small).encode(), *map(np.ndarray.tobytes, pictures)]))
        return cls(text, content.hexdigest(), pictures)


@dataclass
class ShownInstructions(Reader[Shown]):
    """What Qwen2.5-VL says of texts with pictures; `load` returns a tokenizer with a maker of patches, and encoder."""

    most_tokens: int = MOST_TOKENS

    def _read(self, asked: Shown, tokenizer: Any, encoder: Any) -> torch.Tensor:
        words, patches_of = tokenizer
        seen = patches_of(images=list(asked.pictures), return_tensors="pt")
        merged = patches_of.merge_size**2
        pads = [PAD * int(grid.prod() // merged) for grid in seen["image_grid_thw"]]
        pictures = "".join(PICTURE.format(number + 1, pad) for number, pad in enumerate(pads))
        ids = torch.tensor([words(TEMPLATE.format(pictures + self._fitting(asked.text, words))).input_ids])
        states: torch.Tensor = encoder.model(
            input_ids=ids.to(self.device),
            attention_mask=torch.ones_like(ids).to(self.device),
            pixel_values=seen["pixel_values"].to(self.device, encoder.dtype),
            image_grid_thw=seen["image_grid_thw"].to(self.device),
            mm_token_type_ids=(ids == encoder.config.image_token_id).int().to(self.device),
        ).last_hidden_state
        return states[:, UNREAD:]

    def _fitting(self, text: str, words: Any) -> str:
        """A text without marks of the conversation, and cut where the model reads no further."""
        plain = text.replace("<|", "< |") or NOTHING
        ids = words(plain).input_ids
        if len(ids) <= self.most_tokens:
            return plain
        self._cut.add(text)
        return str(words.decode(ids[: self.most_tokens]))
