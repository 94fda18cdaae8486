"""The folder in which people get frames to paint: a picture of each, keys.json, and what to do in plain words."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pipeline.keys.pictures import to_paint
from pipeline.keys.story import Proposed
from pipeline.keys.words import README, words
from utils.atomic_file import explained, write_atomically
from utils.errors import WriteError
from utils.paintings.key_set import NAME, Canvas, Key, KeySet


@dataclass(frozen=True)
class Folder:
    """The folder, and on which pictures people paint: those of the calm camera, or the frames as they were filmed."""

    path: Path
    canvas: Canvas

    def check(self) -> None:
        """Refuse a folder in which something lies already: it may be painted."""
        if self.path.exists() and (not self.path.is_dir() or any(self.path.iterdir())):
            raise WriteError(
                f"{str(self.path)!r} is there already, and painted frames may be in it.", "Name a folder that is new."
            )

    def write(self, proposed: Proposed) -> KeySet:
        """Write everything; keys.json comes last."""
        with explained(self.path):
            self.path.mkdir(parents=True, exist_ok=True)
            keys = tuple(self._pictures(proposed))
            clip = proposed.stable.clip
            said = KeySet(clip=clip.of_file.digest, size=clip.size, canvas=self.canvas, keys=keys)
            write_atomically(self.path / README, words(clip.path.name, self.path.name, proposed.apply_to, NAME))
            write_atomically(self.path / NAME, said.to_json())
        return said

    def _pictures(self, proposed: Proposed) -> Iterator[Key]:
        """Write the pictures one after the other."""
        for each in to_paint(proposed, self.canvas):
            write_atomically(self.path / each.key.file, each.content)
            yield each.key
