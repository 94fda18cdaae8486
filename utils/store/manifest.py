"""Manifest: what an entry says of itself, written last and sealed by its own digest."""

import json
import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from utils.digest import canonical_json, digest_bytes
from utils.errors import StoreError
from utils.key import SCHEMA, Key

NAME = "manifest.json"


class Damage(Exception):
    """An entry is not what it should be; the text says how. The store answers it, users never meet it."""


class OtherSchema(Damage):
    """A sound entry of a Reshoot that writes its entries in another way."""


@dataclass(frozen=True)
class Blob:
    """One file of an entry."""

    bytes: int
    digest: str


@dataclass(frozen=True)
class Manifest:
    """Which key was computed, into which blobs, when (UTC), where, and how long that took."""

    key: Key
    blobs: Mapping[str, Blob]
    seconds: float
    created: str
    machine: str

    @classmethod
    def of(cls, key: Key, blobs: Mapping[str, Blob], seconds: float) -> "Manifest":
        """The manifest of what was computed just now on this machine."""
        created = datetime.now(UTC).isoformat(timespec="seconds")
        return cls(key, blobs, seconds, created, f"{platform.node()} {platform.system()} {platform.machine()}")

    @property
    def parents(self) -> Mapping[str, str]:
        """The content that it was computed from, by name."""
        return self.key.inputs

    @property
    def content(self) -> str:
        """The digest of all blobs: equal content is equal input to later stages, whoever computed it."""
        return digest_bytes(canonical_json({name: blob.digest for name, blob in self.blobs.items()}))

    def to_bytes(self) -> bytes:
        """The manifest as readable JSON with its seal."""
        document = {
            "schema": SCHEMA,
            "key": self.key.document(),
            "blobs": {name: asdict(blob) for name, blob in self.blobs.items()},
            "seconds": self.seconds,
            "created": self.created,
            "machine": self.machine,
        }
        return json.dumps(document | {"seal": _seal(document)}, indent=1, sort_keys=True).encode("ascii")

    @classmethod
    def from_bytes(cls, data: bytes) -> "Manifest":
        """Read a manifest back; raises Damage unless every part of it is as it was written."""
        try:
            document = json.loads(data)
            if document["schema"] != SCHEMA:
                raise OtherSchema(f"it is written in schema {document['schema']}, not {SCHEMA}")
            if document.pop("seal") != _seal(document):
                raise Damage("its manifest was edited")
            blobs = {name: Blob(**blob) for name, blob in document["blobs"].items()}
            key = _key(document["key"])
            return cls(key, blobs, document["seconds"], document["created"], document["machine"])
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError, StoreError) as error:
            raise Damage("its manifest cannot be read") from error

    @property
    def bytes(self) -> int:
        """The size of all blobs."""
        return sum(blob.bytes for blob in self.blobs.values())


def _seal(document: Mapping[str, Any]) -> str:
    return digest_bytes(canonical_json(dict(document)))


def _key(document: dict[str, Any]) -> Key:
    parts = dict(document)
    if parts.pop("schema") != SCHEMA:
        raise Damage("its key is of another schema")
    return Key(**parts)
