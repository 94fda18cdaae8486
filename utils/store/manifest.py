"""Manifest of an entry: its key, and size and digest of each blob; written last, with a digest of itself as seal."""

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
    """An entry failed verification; the text says how. The store handles it, users never see it."""


class OtherSchema(Damage):
    """A sound entry, written by a version of Reshoot with another entry format."""


@dataclass(frozen=True)
class Blob:
    """Size and digest of one file of an entry."""

    bytes: int
    digest: str


@dataclass(frozen=True)
class Manifest:
    """The key that was computed, the blobs, how long it took, when (UTC), and on which machine."""

    key: Key
    blobs: Mapping[str, Blob]
    seconds: float
    created: str
    machine: str

    @classmethod
    def of(cls, key: Key, blobs: Mapping[str, Blob], seconds: float) -> "Manifest":
        """The manifest of an entry computed just now on this machine."""
        created = datetime.now(UTC).isoformat(timespec="seconds")
        return cls(key, blobs, seconds, created, f"{platform.node()} {platform.system()} {platform.machine()}")

    @property
    def parents(self) -> Mapping[str, str]:
        """Digests of the inputs that the entry was computed from, by name."""
        return self.key.inputs

    @property
    def content(self) -> str:
        """Digest over all blobs: equal content is equal input to later stages, whoever computed it."""
        return digest_bytes(canonical_json({name: blob.digest for name, blob in self.blobs.items()}))

    def to_bytes(self) -> bytes:
        """The manifest as readable JSON with its seal, the digest of the rest."""
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
        """Parse a manifest; raises Damage unless it is exactly as it was written."""
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
