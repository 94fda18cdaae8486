"""What a thing is, told by its bytes: BLAKE3 of files, and the one JSON text of a value.

    digest_file(Path("clip.mp4"))          -> 64 hex digits
    canonical_json({"b": 1, "a": 0.1})     -> b'{"a":0.1,"b":1}'

Equal values give equal text and different values different text; what has no exact text is refused, never skipped.
"""

import json
import math
import os
import stat
import time
from pathlib import Path

from blake3 import blake3

from utils.errors import StoreError, UnkeyableValue

CHUNK_BYTES = 4 << 20
MEMO_FILES = 65_536
DEPTH = 64
SETTLED_NS = 2_000_000_000
"""A file changed this recently may change again within one tick of its clock, so its digest is not remembered."""

Stamp = tuple[int, int, int, int, int]
_memo: dict[Stamp, str] = {}


def digest_bytes(data: bytes) -> str:
    """BLAKE3 of bytes, 64 hex digits."""
    return blake3(data).hexdigest()


def digest_file(path: Path, *, afresh: bool = False) -> str:
    """BLAKE3 of a file's bytes, streamed; remembered while the file's identity and times stay, unless `afresh`."""
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


def canonical_json(value: object) -> bytes:
    """The one JSON text of a value: sorted keys, exact floats, ASCII; raises UnkeyableValue that says where."""
    _refuse_unkeyable(value, "value", 0)
    return json.dumps(value, sort_keys=True, allow_nan=False, separators=(",", ":")).encode("ascii")


def _stamp(fd: int) -> Stamp:
    """What changes when a file does; the change time sees even an edit that sets the old mtime again."""
    facts = os.fstat(fd)
    return facts.st_dev, facts.st_ino, facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns


def _remember(stamp: Stamp, digest: str) -> None:
    """Keep a digest when the file has rested; the oldest memory goes when there are too many."""
    if time.time_ns() - max(stamp[3], stamp[4]) < SETTLED_NS:
        return
    while len(_memo) >= MEMO_FILES:
        _memo.pop(next(iter(_memo)), None)
    _memo[stamp] = digest


def _refuse_unkeyable(value: object, where: str, depth: int) -> None:
    """Raise unless the value is exactly JSON: subclasses may hide more than their text shows."""
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
