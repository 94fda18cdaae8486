"""Key of a cache entry: everything that determines what a stage computes, and nothing else."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from utils.digest import canonical_json, digest_bytes
from utils.errors import UnkeyableValue

SCHEMA = 1
"""Format version of keys and manifests; entries with another number are not read."""

DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Key:
    """Stage, version, declared settings, input digests, and tool versions; keys are equal when all of these are."""

    stage: str = field(compare=False)
    version: int = field(compare=False)
    settings: Mapping[str, Any] = field(default_factory=dict, compare=False)
    inputs: Mapping[str, str] = field(default_factory=dict, compare=False)
    tools: Mapping[str, str] = field(default_factory=dict, compare=False)
    digest: str = field(init=False, default="")
    _text: bytes = field(init=False, default=b"", repr=False, compare=False)

    def __post_init__(self) -> None:
        """Copy and check the values, so that a later change to one cannot make the key differ from its digest."""
        for name in ("settings", "inputs", "tools"):
            object.__setattr__(self, name, json.loads(canonical_json(dict(getattr(self, name)))))
        _check_text("the stage", self.stage)
        if type(self.version) is not int:
            raise UnkeyableValue(f"The stage version {self.version!r} is not a whole number.", "Count from 1.")
        for name, digest in self.inputs.items():
            if type(digest) is not str or not DIGEST.fullmatch(digest):
                raise UnkeyableValue(
                    f"The input {name!r} is not a digest: {digest!r}.", "Give what digest_file returns."
                )
        for name, version in self.tools.items():
            _check_text(f"the version of {name!r}", version)
        object.__setattr__(self, "_text", canonical_json(self._parts()))
        object.__setattr__(self, "digest", digest_bytes(self._text))

    def document(self) -> dict[str, Any]:
        """The JSON object whose digest identifies the key, for the manifest."""
        return dict(json.loads(self._text))

    def _parts(self) -> dict[str, Any]:
        return {
            "schema": SCHEMA,
            "stage": self.stage,
            "version": self.version,
            "settings": self.settings,
            "inputs": self.inputs,
            "tools": self.tools,
        }


def _check_text(what: str, value: object) -> None:
    if type(value) is not str or not value:
        raise UnkeyableValue(f"In a cache key, {what} is not text: {value!r}.", "Name it exactly.")
