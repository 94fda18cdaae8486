"""A tiny model on a hub of the tests: two commits of a repository, and the file that makes it known to a home."""

import json
from pathlib import Path

from tests.hub import Hub, tensors

FIRST, SECOND = "1" * 40, "2" * 40
SHARD_1, SHARD_2 = (f"transformer/model-0000{number}-of-00002.safetensors" for number in (1, 2))
INDEX = "transformer/model.safetensors.index.json"
MIB = 1 << 20
YAML = """
extends: wan-vace
checkpoints:
  - name: tiny
    good_for: Tests.
    about_gb: 0.01
    card_gb: 0
    repository: reshoot/tiny
    files: [model_index.json, transformer/*.json, transformer/*.safetensors]
"""


def version(fill: bytes) -> dict[str, bytes]:
    """The files of one commit; what is not wanted must not be fetched."""
    index = {"weight_map": {"a": Path(SHARD_1).name, "b": Path(SHARD_2).name}}
    return {
        "README.md": b"# Tiny",
        "model_index.json": b'{"_class_name": "Tiny"}',
        "transformer/config.json": b"{}",
        INDEX: json.dumps(index).encode(),
        SHARD_1: tensors(16 * MIB, fill),
        SHARD_2: tensors(MIB, b"shared"),
        "transformer/model.bin": b"pickle" * 5000,
    }


def tiny_hub(home: Path) -> Hub:
    """A hub with both commits, whose model this home knows."""
    (home / "models").mkdir(parents=True)
    (home / "models" / "tiny.yaml").write_text(YAML)
    return Hub("reshoot/tiny", {FIRST: version(b"first"), SECOND: version(b"second")}, FIRST)
