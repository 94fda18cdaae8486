"""Prompts as the numbers that a model reads. The text encoder is loaded for a new prompt and released at once.

A text encoder of eleven gigabytes is needed for a second or two of a run; what it says of a prompt is kept instead.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch

from utils.memory import clear_cuda

MOST_KEPT = 64
"""Prompts whose numbers are kept; each takes some megabytes."""


@dataclass
class Prompts:
    """The numbers of prompts; `load` returns tokenizer and encoder, which is slow."""

    load: Callable[[], tuple[Any, Any]]
    device: torch.device
    most_tokens: int = 512
    encoded: int = 0
    """How often the encoder was used."""
    _kept: dict[str, torch.Tensor] = field(default_factory=dict)
    _cut: set[str] = field(default_factory=set)

    def numbers(self, *prompts: str) -> list[torch.Tensor]:
        """What the encoder says of each prompt: 1 x tokens x width, on the processor."""
        texts = [clean(prompt) for prompt in prompts]
        if new := [text for text in dict.fromkeys(texts) if text not in self._kept]:
            self._encode(new)
        result = [self._kept[text] for text in texts]
        for old in list(self._kept)[:-MOST_KEPT]:
            del self._kept[old]
        return result

    def knows(self, *prompts: str) -> bool:
        """Whether the encoder is not needed for these."""
        return all(clean(prompt) in self._kept for prompt in prompts)

    def was_cut(self, prompt: str) -> bool:
        """Whether a prompt is longer than the model reads, so that its end is lost."""
        return clean(prompt) in self._cut

    def _encode(self, prompts: list[str]) -> None:
        tokenizer, encoder = self.load()
        encoder.to(self.device)
        for prompt in prompts:
            with torch.no_grad():
                self._kept[prompt] = self._read(prompt, tokenizer, encoder).cpu()
            self.encoded += 1
        del encoder
        clear_cuda()

    def _read(self, prompt: str, tokenizer: Any, encoder: Any) -> torch.Tensor:
        """The last states of the encoder; families of models that read other ones have their own subclass."""
        if len(tokenizer(prompt).input_ids) > self.most_tokens:
            self._cut.add(prompt)
        read = tokenizer(
            prompt, padding="max_length", max_length=self.most_tokens, truncation=True, return_tensors="pt"
        )
        mask = read.attention_mask
        states: torch.Tensor = encoder(read.input_ids.to(self.device), mask.to(self.device)).last_hidden_state
        return states * mask.to(states.device)[..., None]


def clean(prompt: str) -> str:
    """A prompt on one line, with single spaces."""
    return " ".join(prompt.split())
