"""Prompts as the numbers that a model reads. The text encoder is loaded for a new prompt and released at once.

A text encoder of eleven gigabytes is needed for a second or two of a run; what it says of a prompt is kept instead.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from utils.memory import clear_cuda

MOST_KEPT = 64
"""Prompts whose numbers are kept; each takes some megabytes."""
AskedT = TypeVar("AskedT", bound=Hashable)


@dataclass
class Reader(ABC, Generic[AskedT]):
    """The numbers of what a text encoder reads; `load` returns tokenizer and encoder, which is slow."""

    load: Callable[[], tuple[Any, Any]]
    device: torch.device
    most_tokens: int = 512
    encoded: int = 0
    """How often the encoder was used."""
    _kept: dict[AskedT, NDArray[np.float32]] = field(default_factory=dict)
    """In 32 bits, which hold those of 16 exactly."""
    _cut: set[str] = field(default_factory=set)

    def numbers(self, *asked: AskedT) -> list[torch.Tensor]:
        """What the encoder says of each: 1 x tokens x width, on the processor."""
        if new := [each for each in dict.fromkeys(asked) if each not in self._kept]:
            self._encode(new)
        result = [torch.from_numpy(self._kept[each]) for each in asked]
        for old in list(self._kept)[:-MOST_KEPT]:
            del self._kept[old]
        return result

    def knows(self, *asked: AskedT) -> bool:
        """Whether the encoder is not needed for these."""
        return all(each in self._kept for each in asked)

    def was_cut(self, prompt: str) -> bool:
        """Whether a prompt is longer than the model reads, so that its end is lost."""
        return prompt in self._cut

    def _encode(self, asked: list[AskedT]) -> None:
        tokenizer, encoder = self.load()
        encoder.to(self.device)
        for each in asked:
            with torch.no_grad():
                self._keep(each, self._read(each, tokenizer, encoder))
            self.encoded += 1
        del encoder
        clear_cuda()

    def _keep(self, asked: AskedT, read: torch.Tensor) -> None:
        self._kept[asked] = np.array(read.float().cpu())

    @abstractmethod
    def _read(self, asked: AskedT, tokenizer: Any, encoder: Any) -> torch.Tensor:
        """What the encoder says of one."""


@dataclass
class Prompts(Reader[str]):
    """Prompts by themselves, in the last states of the encoder; models that read other states have a subclass."""

    def _read(self, asked: str, tokenizer: Any, encoder: Any) -> torch.Tensor:
        if len(tokenizer(asked).input_ids) > self.most_tokens:
            self._cut.add(asked)
        read = tokenizer(asked, padding="max_length", max_length=self.most_tokens, truncation=True, return_tensors="pt")
        mask = read.attention_mask
        states: torch.Tensor = encoder(read.input_ids.to(self.device), mask.to(self.device)).last_hidden_state
        return states * mask.to(states.device)[..., None]
