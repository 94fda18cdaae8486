"""Uses: which shared results the jobs of a home use, mirrored in empty files of its cache.

    shared/home            a random name of this home
    shared/known/<key>     the result is in the shared cache, as far as this home knows
    shared/uses/<owner>/<key>      written when the use was last noted there
    shared/released/<owner>/<key>  the job was removed, and its uses are to be forgotten there

Owners are jobs, by their ids, and `runs` for runs of the command line.
"""

import re
import secrets
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from utils.atomic_file import write_atomically

RUNS = "runs"
NOTED_EVERY_S = 24 * 3600.0
"""A use is noted in the shared cache once a day at most."""
OWNER = re.compile(r"[\w-]{1,64}")


class Uses:
    """The mirror in one cache folder. It is a help: where it is lost, uses are noted once more."""

    def __init__(self, cache: Path) -> None:
        self._folder = cache / "shared"

    @property
    def home(self) -> str:
        """The name of this home among all that share."""
        file = self._folder / "home"
        with suppress(OSError):
            if OWNER.fullmatch(name := file.read_text()):
                return name
        self._folder.mkdir(parents=True, exist_ok=True)
        write_atomically(file, secrets.token_hex(8))
        return file.read_text()

    def due(self, owner: str, key: str) -> bool:
        """Whether a use of a shared result is to be noted now."""
        try:
            age_s = time.time() - (self._folder / "uses" / owner / key).stat().st_mtime
        except OSError:
            return self.known(key)
        return not 0 <= age_s < NOTED_EVERY_S

    def known(self, key: str) -> bool:
        """Whether a result is in the shared cache, as far as this home knows."""
        return (self._folder / "known" / key).exists()

    def shared(self, key: str) -> None:
        """Remember that a result is in the shared cache."""
        _touch(self._folder / "known" / key)

    def noted(self, owner: str, key: str) -> None:
        """Remember that a use was noted there."""
        _touch(self._folder / "uses" / owner / key)

    def release(self, owner: str) -> None:
        """Plan to forget the uses of a job that was removed; whoever reaches the shared cache next does it."""
        uses = self._folder / "uses" / owner
        if OWNER.fullmatch(owner) and uses.is_dir():
            (self._folder / "released").mkdir(exist_ok=True)
            with suppress(FileNotFoundError):
                uses.rename(self._folder / "released" / f"{owner}.{secrets.token_hex(4)}")

    def released(self) -> Iterator[tuple[Path, str]]:
        """The uses to forget: the file of each here, and its name there."""
        for path in sorted((self._folder / "released").glob("*/*")):
            yield path, f"{self.home}/{path.parent.name.partition('.')[0]}/{path.name}"

    def forgotten(self, path: Path) -> None:
        """A use is forgotten there."""
        path.unlink(missing_ok=True)
        with suppress(OSError):
            path.parent.rmdir()

    def evicted(self, key: str) -> None:
        """The result is no longer in this home."""
        (self._folder / "known" / key).unlink(missing_ok=True)


def _touch(path: Path) -> None:
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
