"""Strip: a long run of lossless pictures in short chunks, of which any stretch is read without reading the rest."""

from collections.abc import Iterable, Iterator
from itertools import chain, groupby, islice
from pathlib import Path

from utils.media.chunk import Pictures, read_chunk, write_chunk

CHUNK_FRAMES = 96


def write_strip(folder: Path, name: str, pictures: Iterable[Pictures]) -> int:
    """Write pictures as `name`-0000.mkv and so on; returns how many there were."""
    count, rest = 0, iter(pictures)
    for number, first in enumerate(rest):
        count += write_chunk(folder / _named(name, number), chain([first], islice(rest, CHUNK_FRAMES - 1)))
    return count


def read_strip(folder: Path, name: str, count: int, wanted: Iterable[int]) -> Iterator[Pictures]:
    """The wanted pictures of a strip of `count`, ascending; a Span is one way to want."""
    for number, group in groupby(wanted, lambda index: index // CHUNK_FRAMES):
        start, rest = number * CHUNK_FRAMES, set(group)
        if max(rest) >= count:
            raise ValueError(f"picture {max(rest)} of a strip of {count}")
        first = min(rest)
        pictures = read_chunk(folder / _named(name, number), min(CHUNK_FRAMES, count - start), first - start)
        for index, picture in enumerate(pictures, start=first):
            if index in rest:
                yield picture
                rest.remove(index)
            if not rest:
                break


def _named(name: str, number: int) -> str:
    return f"{name}-{number:04}.mkv"
