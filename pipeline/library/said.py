"""Transcripts that people give, and what they changed of a clip: checked by reading, and stored by their digest."""

from pathlib import Path

from pipeline.library.given import FOLDERS
from utils.atomic_file import explained, write_atomically
from utils.digest import digest_bytes
from utils.errors import TranscriptError

SUFFIXES = (".srt", ".vtt", ".json")
ANY_LENGTH_MS = 7 * 24 * 3_600_000
"""No clip is longer, so that a transcript is not yet asked whether it fits one."""


def keep_transcript(under: Path, name: str, content: bytes) -> str:
    """Store a transcript; returns its digest. TranscriptError if it is none that can be read."""
    from utils.speech.transcript_file import REMEDY, read_transcript

    suffix = Path(name).suffix.lower()
    if suffix not in SUFFIXES:
        raise TranscriptError(f"{name!r:.80} is no SRT, VTT or JSON.", REMEDY)
    read_transcript(content, name, ANY_LENGTH_MS)
    return _kept(under, "transcript", content, suffix)


def keep_changes(under: Path, content: bytes) -> str:
    """Store what people changed; returns its digest. SettingsError if it cannot be read."""
    from pipeline.finish.known.changes import Changes

    Changes.read(content)
    return _kept(under, "changes", content, ".json")


def _kept(under: Path, role: str, content: bytes, suffix: str) -> str:
    """Store a document that was checked."""
    digest = digest_bytes(content)
    path = under.absolute() / FOLDERS[role] / f"{digest}{suffix}"
    with explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, content)
    return digest
