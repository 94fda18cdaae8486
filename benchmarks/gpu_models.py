"""What the models of all engines have in common where they are measured: random weights, made where they compute.

Nothing is downloaded: configurations stand beside each model, tokens are numbers, and weights come from the libraries'
own initialisers, on the card and in its precision, so that the machine needs no memory for them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import numpy as np
import torch
from transformers.tokenization_utils_base import BatchEncoding

from pipeline.engines.diffusion.pictures import Mask
from utils.image import RGB, Size

Part = TypeVar("Part", bound=torch.nn.Module)
Step = Callable[[int], None]
PROMPT = "a woman in a red raincoat walks up to the camera in heavy rain, film still"


@dataclass(frozen=True)
class Place:
    """Where a model computes, and in which precision."""

    device: torch.device
    dtype: torch.dtype

    def make(self, build: Callable[[], Part], dtype: torch.dtype | None = None) -> Part:
        """A part of a model, made in place."""
        before = torch.get_default_dtype()
        torch.set_default_dtype(dtype or self.dtype)
        try:
            with self.device:
                part = build()
        finally:
            torch.set_default_dtype(before)
        exact = set(getattr(part, "_keep_in_fp32_modules", None) or ())
        for name, weights in part.named_parameters():
            if exact & set(name.split(".")):
                weights.data = weights.data.float()
        part.eval()
        part.requires_grad_(False)
        return part


class Model(Protocol):
    """An engine's model as the benchmark uses it; other engines join by another one of these."""

    passes: int
    """How often the network is asked in a step: twice where guidance is used."""

    def read_prompt(self) -> None:
        """Encode the prompt with the text encoder, which is made and dropped."""
        ...

    def open(self) -> None:
        """Make the other parts, in place."""
        ...

    @property
    def vae(self) -> Any:
        """The part that encodes and decodes pictures."""
        ...

    def call(self, size: Size, frames: int, steps: int, step: Step) -> bool:
        """Make frames, calling `step` after each step; whether they are numbers."""
        ...


@dataclass(frozen=True)
class Tokens:
    """A tokenizer without a vocabulary: each word is a number."""

    vocabulary: int

    def __call__(self, text: str, max_length: int = 0, **how: Any) -> BatchEncoding:
        """The numbers of the words of a text, filled up with zeros to a length."""
        numbers = [1 + index % (self.vocabulary - 1) for index, _ in enumerate(text.split())]
        if "return_tensors" not in how:
            return BatchEncoding({"input_ids": numbers})
        ids = torch.zeros(1, max_length, dtype=torch.long)
        ids[0, : len(numbers)] = torch.tensor(numbers)
        return BatchEncoding({"input_ids": ids, "attention_mask": (ids > 0).long()})

    def apply_chat_template(self, turns: Sequence[Mapping[str, str]], **how: Any) -> str:
        """The text of a conversation."""
        return " ".join(turn["content"] for turn in turns)


def picture(size: Size, seed: int) -> RGB:
    """A picture of noise."""
    return np.random.default_rng(seed).integers(0, 255, (size.height_px, size.width_px, 3), np.uint8)


def standing(size: Size) -> Mask:
    """A mask of about a person's size in the middle."""
    mask = np.zeros((size.height_px, size.width_px), np.uint8)
    mask[size.height_px // 8 :, size.width_px // 3 : 2 * size.width_px // 3] = 255
    return mask
