"""Prompts as CLIP reads them: one encoder for Stable Diffusion 1.5, two for SDXL."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from transformers import CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

from pipeline.engines.diffusion.components import component
from pipeline.engines.diffusion.prompt import Prompts
from utils.memory import clear_cuda

TOKENS = 77
"""What CLIP reads of a prompt, its first and last token included."""


@dataclass(frozen=True)
class Said:
    """What the encoders say of a prompt: 1 x tokens x width, and for SDXL a vector for the whole of it."""

    states: torch.Tensor
    whole: torch.Tensor | None


@dataclass
class ClipPrompts(Prompts):
    """The numbers of prompts as CLIP says them; `load` returns tokenizers and encoders, one or two of each."""

    most_tokens: int = TOKENS
    _whole: dict[str, torch.Tensor] = field(default_factory=dict)

    def said(self, *prompts: str) -> list[Said]:
        """What the encoders say of each prompt, on the processor."""
        states = self.numbers(*prompts)
        return [Said(each, self._whole.get(text)) for each, text in zip(states, prompts, strict=True)]

    def _encode(self, asked: list[str]) -> None:
        pairs = list(zip(*self.load(), strict=True))
        for _, encoder in pairs:
            encoder.to(self.device)
        for prompt in asked:
            self._read_all(prompt, pairs)
        self._whole = {prompt: whole for prompt, whole in self._whole.items() if prompt in self._kept}
        del pairs, encoder
        clear_cuda()

    def _read_all(self, prompt: str, pairs: Sequence[tuple[Any, Any]]) -> None:
        """What is said of one prompt; SDXL reads the last layer but one of its two encoders."""
        states = []
        for tokenizer, encoder in pairs:
            if len(tokenizer(prompt).input_ids) > self.most_tokens:
                self._cut.add(prompt)
            read = tokenizer(
                prompt, padding="max_length", max_length=self.most_tokens, truncation=True, return_tensors="pt"
            )
            with torch.no_grad():
                told = encoder(read.input_ids.to(self.device), output_hidden_states=len(pairs) > 1)
            states.append(told.hidden_states[-2] if len(pairs) > 1 else told.last_hidden_state)
        self._keep(prompt, torch.cat(states, dim=-1))
        if len(pairs) > 1:
            self._whole[prompt] = told.text_embeds.cpu()
        self.encoded += 1


def encoders(folder: Path, dtype: torch.dtype) -> tuple[list[Any], list[Any]]:
    """The tokenizers and text encoders of a model in the layout of diffusers."""
    kinds = {"": CLIPTextModel}
    if (folder / "text_encoder_2").is_dir():
        kinds["_2"] = CLIPTextModelWithProjection
    tokenizers = [CLIPTokenizer.from_pretrained(folder / f"tokenizer{end}", local_files_only=True) for end in kinds]
    return tokenizers, [component(folder / f"text_encoder{end}", kind, dtype) for end, kind in kinds.items()]
