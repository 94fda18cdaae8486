"""Painted frames as people give them: a folder, a zip or a single picture, with or without keys.json.

    given = Painted(Path("painted"))
    for name in given.names: rgba = given.picture(name)
    given.keys                                     # what keys.json says; None without one

Files come from anybody: number, names and sizes are checked before a picture is decoded.
"""

import io
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath

from utils.digest import canonical_json, digest_bytes, digest_file, is_digest
from utils.errors import PictureError
from utils.image.picture_file import RGBA, SUFFIXES, read_layer
from utils.paintings.key_set import MOST_BYTES, MOST_KEYS, NAME, STORED_AT, KeySet

PICTURES = frozenset({*SUFFIXES.values(), ".jpeg", ".tiff"})
MOST_PICTURE_BYTES, MOST_PIXELS = 100_000_000, 4_000_000_000
"""The most of one picture's file, and of all pictures that are read together."""


@dataclass(frozen=True)
class Painted:
    """Painted frames in a folder, a zip or a single picture."""

    path: Path

    @property
    def title(self) -> str:
        """What it is called in errors: by the name that its owner gave it, if it still has that."""
        return "The given key set" if is_digest(self.path.stem) else repr(self.path.name)

    @cached_property
    def digest(self) -> str:
        """The digest of all that is read of it."""
        if not self.path.is_dir():
            return digest_file(self.path)
        return digest_bytes(canonical_json({name: digest_file(self.path / name) for name in self._files}))

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The names of the pictures in order; an error if there are none, or too many."""
        names = tuple(name for name in self._files if _suffix(name) in PICTURES or self._is_single)
        if not names or len(names) > MOST_KEYS:
            raise PictureError(
                f"{self.title} holds {len(names) or 'no'} pictures.",
                f"Give the painted frames as PNG or JPEG, {MOST_KEYS} at most.",
            )
        return names

    @cached_property
    def keys(self) -> KeySet | None:
        """What its keys.json says."""
        name = next((each for each in self._files if base(each) == NAME), None)
        return KeySet.read(self._read(name, MOST_BYTES)) if name else None

    def picture(self, name: str) -> RGBA:
        """One of the pictures."""
        return read_layer(io.BytesIO(self._read(name, MOST_PICTURE_BYTES)), repr(base(name)))

    def content(self, name: str) -> bytes:
        """The file of one picture as it is."""
        return self._read(name, MOST_PICTURE_BYTES)

    def digest_of(self, name: str) -> str:
        """The digest of one picture's file."""
        return digest_bytes(self.content(name))

    def check(self) -> int:
        """Read everything, and refuse what is beyond the limits; returns how many pictures there are."""
        _ = self.keys
        pixels = 0
        for name in self.names:
            pixels += self.picture(name)[..., 0].size
            if pixels > MOST_PIXELS:
                raise PictureError(f"{self.title} holds too many large pictures.", "Give smaller ones, or fewer.")
        return len(self.names)

    def pack(self, path: Path) -> None:
        """Write all of it as one zip; atomicity is up to the caller."""
        with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as file:
            for name in [*self.names, *(each for each in self._files if base(each) == NAME)]:
                file.writestr(zipfile.ZipInfo(name, STORED_AT), self._read(name, MOST_PICTURE_BYTES))

    @cached_property
    def _is_single(self) -> bool:
        return self.path.is_file() and not zipfile.is_zipfile(self.path)

    @cached_property
    def _files(self) -> tuple[str, ...]:
        """The names of all files that count."""
        if self.path.is_dir():
            names = [path.name for path in self.path.iterdir() if path.is_file()]
        elif self._is_single:
            return (self.path.name,)
        else:
            with self._opened() as file:
                names = [entry.filename for entry in file.infolist() if not entry.is_dir()]
        return tuple(sorted(name for name in names if not base(name).startswith(".") and "__MACOSX" not in name))

    def _read(self, name: str, most_bytes: int) -> bytes:
        """The content of a file, up to a limit."""
        try:
            if self.path.is_dir() or self._is_single:
                path = self.path / name if self.path.is_dir() else self.path
                with path.open("rb") as plain:
                    content = plain.read(most_bytes + 1)
            else:
                with self._opened() as file, file.open(name) as packed:
                    content = packed.read(most_bytes + 1)
        except OSError as error:
            raise PictureError(f"{base(name)!r} cannot be read: {error.strerror}.", "Check its permissions.") from error
        if len(content) > most_bytes:
            raise PictureError(f"{base(name)!r} in {self.title} is too large.", "Save it smaller.")
        return content

    @contextmanager
    def _opened(self) -> Iterator[zipfile.ZipFile]:
        """The zip, with its errors explained."""
        if not self.path.is_file():
            raise PictureError(f"There is no file or folder {str(self.path)!r}.", "Check the path and try again.")
        try:
            with zipfile.ZipFile(self.path) as file:
                yield file
        except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, ValueError, zlib.error) as error:
            raise PictureError(f"{self.title} is a zip that cannot be read.", "Make it again.") from error


def base(name: str) -> str:
    """The name of a file without folders, at most 60 characters of it."""
    return PurePosixPath(name.replace("\\", "/")).name[-60:]


def _suffix(name: str) -> str:
    return PurePosixPath(name).suffix.lower()
