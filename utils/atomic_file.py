"""Writing a file atomically: whoever opens it finds the old content or the whole new one, and never a part.

write_atomically(path, b"content")

with replacing(path) as part:          # a file beside it, which takes its place when the block succeeds
    encode_into(part)
"""

import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from utils.disk import sync
from utils.errors import WriteError

PREFIX, SUFFIX = ".reshoot-", ".part"
ABANDONED_S = 7 * 24 * 3600.0
"""A part that nobody wrote to for so long was left by a process that was killed."""


@contextmanager
def replacing(path: Path, *, durable: bool = True, mode: int = 0o666) -> Iterator[Path]:
    """Yield an empty file in the same folder, which replaces `path` when the block succeeds and goes when it fails.

    With `durable` it also survives a power cut. `mode` is its permissions, less the umask. The part of a process that
    is killed stays; a later call for the same folder removes it.
    """
    folder = path.absolute().parent
    _remove_abandoned(folder)
    part = folder / f"{PREFIX}{secrets.token_hex(12)}{SUFFIX}"
    os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode))
    try:
        yield part
        if durable:
            sync(part)
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    if durable:
        sync(folder)


def write_atomically(path: Path, content: bytes | str, *, durable: bool = True, mode: int = 0o666) -> None:
    """Replace a file's content; text is written as UTF-8."""
    with replacing(path, durable=durable, mode=mode) as part:
        part.write_bytes(content.encode() if isinstance(content, str) else content)


@contextmanager
def explained(path: Path, remedy: str = "") -> Iterator[None]:
    """Turn the system's errors into a WriteError about this file."""
    try:
        yield
    except OSError as error:
        folder = str(path.absolute().parent)
        raise WriteError(
            f"{path.name!r} could not be written: {error.strerror or error}.",
            remedy or f"Check that {folder!r} exists, may be written to and has room, and run it again.",
        ) from error


def _remove_abandoned(folder: Path) -> None:
    before = time.time() - ABANDONED_S
    for part in folder.glob(f"{PREFIX}*{SUFFIX}"):
        with suppress(OSError):  # it has just become its file, or belongs to somebody else
            if part.stat().st_mtime < before:
                part.unlink()
