"""Shelves: files that a draft chooses from by their names, of a folder, or those that were added to a home."""

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from pipeline.finish.draft.mentions import SHOWN_S, Mention, is_free, mentions, stem
from pipeline.finish.film.plan import Cut
from pipeline.finish.known.story import Known
from pipeline.library.inputs import SUFFIXES
from utils.errors import ReshootError

Opened = TypeVar("Opened")
VIDEOS, PICTURES = SUFFIXES["clip"], SUFFIXES["picture"]


@dataclass(frozen=True, slots=True)
class Item:
    """A file: where it lies, what people call it, and how a plan names it."""

    path: Path
    title: str
    name: str

    @property
    def words(self) -> set[str]:
        """The words of its title, each as one."""
        return {stem(word) for word in re.findall(r"[^\W\d_]+", Path(self.title).stem.lower())}


def in_folder(folder: Path, suffixes: Collection[str], name: Callable[[Path], str]) -> tuple[Item, ...]:
    """The files of a folder with one of these suffixes."""
    paths = (path for path in sorted(folder.iterdir()) if path.suffix.lower() in suffixes)
    return tuple(Item(path, path.name, name(path)) for path in paths)


@dataclass(frozen=True)
class Shelf(Generic[Opened]):
    """Files of one kind; one that cannot be read is told and taken out."""

    kind: str
    """What they are for, as people are told: "b-roll"."""
    place: str
    """Where they are from: "of 'clips'"."""
    items: tuple[Item, ...]
    open_: Callable[[Path], Opened]
    remarks: list[str]

    @property
    def words(self) -> set[str]:
        """All words of their titles."""
        return {word for item in self.items for word in item.words}

    def chosen(
        self, known: Known, cuts: Sequence[Cut], taken_s: Sequence[float] = ()
    ) -> tuple[tuple[Mention, Item, Opened], ...]:
        """What is shown where, in the order of the film: keywords of what stands out come first, then other words.

        Nothing is shown while something else is that begins at one of `taken_s`.
        """
        found, free = list[tuple[Mention, Item, Opened]](), {item: item.words for item in self.items}
        for mention in sorted(mentions(known), key=lambda each: each.rank, reverse=True):
            named = [item for item, words in free.items() if stem(mention.word) in words]
            is_seen = all(abs(mention.at_s - at_s) >= SHOWN_S for at_s in taken_s)
            if named and is_seen and is_free(mention, known, cuts, [other.at_s for other, *_ in found]):
                found += [(mention, item, opened) for item, opened in self._readable(named, free)]
        if not found:
            why = "no name of a file in it is a word that is said" if known.transcript.cues else "no words are known"
            self.remarks.append(f"No {self.kind} {self.place} is used: {why}.")
        return tuple(sorted(found, key=lambda each: each[0].at_s))

    def _readable(self, named: Sequence[Item], free: dict[Item, set[str]]) -> Iterator[tuple[Item, Opened]]:
        """The first of these files that can be read; those that were tried are free no more."""
        for item in named:
            del free[item]
            try:
                yield item, self.open_(item.path)
                return
            except ReshootError as error:
                self.remarks.append(f"{item.title!r} is no {self.kind}: {error.problem}")
