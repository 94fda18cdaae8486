"""Weights that are here by all their names and hold nothing: for tests of what is chosen, which load none."""

import json
from pathlib import Path

from pipeline.models.registry import Registry

LARGE = {
    "num_attention_heads": 40,
    "attention_head_dim": 128,
    "ffn_dim": 13824,
    "num_layers": 40,
    "vace_layers": [0] * 8,
}
"""The configuration of Wan VACE with 14 billion weights."""


def empty_weights(models: Path, *names: str) -> None:
    """The folders of checkpoints and their parts, whose files are empty, but for the configuration of a large one."""
    for model in map(Registry.load().model, names):
        for each in (model, *model.parts.values()):
            for pattern in each.checkpoint.patterns:
                file = models / each.name / pattern.replace("*", "config")
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(json.dumps(LARGE) if each.name == "wan-vace-14b" else "")
