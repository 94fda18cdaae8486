"""The inputs of orders: files of any kind, kept in a home and named by the digest of their content.

An order holds role -> digest. Orders of earlier versions hold the path of a file instead.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from pipeline.kind import Content, Kind
from pipeline.library import given, keys, mattes, references, said
from pipeline.library.clips import Clips
from utils.digest import digest_file, is_digest
from utils.errors import ClipError, PictureError, UnreadableClip

_DIGESTS = re.compile(r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")


def keep(home: Path, file: Path, content: Content) -> str:
    """Keep a file of this machine in a home; returns its digest. The file itself stays where it is."""
    if content == "matte":
        return mattes.take(home, file).digest
    if content == "keys":
        return keys.take(home, file).digest
    if not file.is_file():
        problem, remedy = f"There is no file {str(file)!r}.", "Check the path and try again."
        raise UnreadableClip(problem, remedy) if content == "clip" else PictureError(problem, remedy)
    if content == "picture":
        return references.take(home, file).digest
    if content == "strokes":
        return mattes.keep_strokes(home, file.read_bytes())
    if content == "transcript":
        return said.keep_transcript(home, file.name, file.read_bytes())
    if content == "changes":
        return said.keep_changes(home, file.read_bytes())
    title = file.name.encode(errors="replace").decode()  # names of files need not be text
    return Clips(home).take(file, title)


def keep_files(home: Path, kind: Kind, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings with the files that they name kept in a home and named by their digest; a digest is kept already."""
    rest, files = kind.without_files(settings)
    kept = {
        role: file if is_digest(file) else keep(home, Path(file), kind.roles[role].content)
        for role, file in files.items()
    }
    return kind.with_files(rest, kept)


def find(home: Path, value: str, content: Content) -> Path:
    """The file of an input, whose content is what its digest says; raises an error that says what is missing."""
    if not is_digest(value):
        return Path(value)
    return unchanged(_stored(home, value, content), value, content)


def unchanged(path: Path, digest: str, content: str) -> Path:
    """A stored file, whose content is still what its digest says."""
    if digest_file(path) != digest:
        problem = f"The file of the {content} {digest[:8]} is not any more what it was when the job was submitted."
        raise ClipError(problem, "Submit the job again, with the file as it is now.")
    return path


def ids(values: Iterable[str]) -> set[str]:
    """The ids under which the library keeps these inputs; those of earlier versions are in their paths."""
    return {name for value in values for name in (value, Path(value).parent.name, Path(value).stem)}


def mentioned(settings: Mapping[str, Any]) -> Iterator[str]:
    """The digests that stand in texts of settings, such as those of a plan's files."""
    for value in settings.values():
        if isinstance(value, str):
            yield from _DIGESTS.findall(value)


def clip_id(home: Path, value: str) -> str:
    """The id of an order's clip in the library; empty for an order of an earlier version with a file from elsewhere."""
    if is_digest(value):
        return value
    path = Path(value)
    return path.parent.name if path.is_relative_to(home.absolute() / "clips") else ""


def _stored(home: Path, digest: str, content: Content) -> Path:
    if content == "clip":
        return Clips(home).path(digest)
    role = "reference" if content == "picture" else content
    path = given.find(home, role, digest)
    if path is None:
        problem = f"The {given.TITLES[role]} of these settings is not on this machine."
        error = PictureError if content == "picture" else ClipError
        raise error(problem, f"Add it to the form again, or give it with --{role}.")
    return path
