"""Digests: BLAKE3 of bytes and files, and canonical JSON of values.

    digest_file(Path("clip.mp4"))          -> 64 hex digits
    canonical_json({"b": 1, "a": 0.1})     -> b'{"a":0.1,"b":1}'

Equal values give equal JSON and different values different JSON; a value without an exact form is refused.
"""

import json
import math
import os
import re
import stat
import time
from pathlib import Path

from blake3 import blake3

from utils.errors import StoreError, UnkeyableValue

CHUNK_BYTES = 4 << 20
MEMO_FILES = 65_536
"""Most digests that are memoised."""
DEPTH = 64
"""Deepest nesting of a value."""
SETTLED_NS = 2_000_000_000
"""A file changed more recently than this could change again within one clock tick, so its digest is not memoised."""

_FORM = re.compile(r"[0-9a-f]{64}")
Stamp = tuple[int, int, int, int, int]
_memo: dict[Stamp, str] = {}


def digest_bytes(data: bytes) -> str:
    """BLAKE3 of bytes, 64 hex digits."""
    return blake3(data).hexdigest()


def digest_file(path: Path, *, afresh: bool = False) -> str:
    """BLAKE3 of a file, streamed, 64 hex digits; memoised by the file's identity and times, unless `afresh`."""
    if not stat.S_ISREG(path.stat().st_mode):
        raise StoreError(f"{path} is not a plain file.", "Give a file, not a folder, a pipe or a device.")
    with path.open("rb", buffering=0) as file:
        before = _stamp(file.fileno())
        if not afresh and (known := _memo.get(before)):
            return known
        hasher, buffer = blake3(), memoryview(bytearray(min(CHUNK_BYTES, before[2] + 1)))
        while size := file.readinto(buffer):
            hasher.update(buffer[:size])
        if _stamp(file.fileno()) != before:
            raise StoreError(f"{path} changed while it was read.", "Wait until it is complete, then try again.")
    _remember(before, digest := hasher.hexdigest())
    return digest


def is_digest(value: object) -> bool:
    """Whether a value has the form of a digest."""
    return isinstance(value, str) and _FORM.fullmatch(value) is not None


def canonical_json(value: object) -> bytes:
    """Canonical JSON of a value: sorted keys, exact floats, ASCII; raises UnkeyableValue with the place."""
    _refuse_unkeyable(value, "value", 0)
    return json.dumps(value, sort_keys=True, allow_nan=False, separators=(",", ":")).encode("ascii")


def _stamp(fd: int) -> Stamp:
    """Identity and times of an open file; its change time (ctime) reveals even an edit that restores the mtime."""
    facts = os.fstat(fd)
    return facts.st_dev, facts.st_ino, facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns


def _remember(stamp: Stamp, digest: str) -> None:
    """Memoise a digest unless the file changed recently; the oldest memo is dropped when there are too many."""
    if time.time_ns() - max(stamp[3], stamp[4]) < SETTLED_NS:
        return
    while len(_memo) >= MEMO_FILES:
        _memo.pop(next(iter(_memo)), None)
    _memo[stamp] = digest


def _refuse_unkeyable(value: object, where: str, depth: int) -> None:
    """Raise unless a value is exactly a JSON type; subclasses may hold more than their text shows."""
    kind = type(value)
    if value is None or kind is bool or kind is str:
        return
    if kind is int and -(2**63) <= value < 2**64:  # type: ignore[operator]
        return
    if kind is float and math.isfinite(value):  # type: ignore[arg-type]
        return
    if depth < DEPTH and isinstance(value, list | tuple) and kind in (list, tuple):
        for index, item in enumerate(value):
            _refuse_unkeyable(item, f"{where}[{index}]", depth + 1)
        return
    if depth < DEPTH and isinstance(value, dict) and kind is dict:
        for name, item in value.items():
            if type(name) is not str:
                raise _unkeyable(f"the name {name!r} in {where}")
            _refuse_unkeyable(item, f"{where}.{name}", depth + 1)
        return
    raise _unkeyable(f"{where}, a {kind.__name__},")


def _unkeyable(what: str) -> UnkeyableValue:
    return UnkeyableValue(
        f"In a cache key, {what} has no exact form.",
        "Use text, true or false, finite numbers, lists and mappings with text names; for a file use its digest.",
    )
