"""Strip: a long run of lossless pictures in short chunks, of which any stretch is read without reading the rest."""

from collections.abc import Iterable, Iterator
from itertools import chain, islice
from pathlib import Path

from utils.chunk import Pictures, read_chunk, write_chunk
from utils.timebase import Span

CHUNK_FRAMES = 96


def write_strip(folder: Path, name: str, pictures: Iterable[Pictures]) -> int:
    """Write pictures as `name`-0000.mkv and so on; returns how many there were."""
    count, rest = 0, iter(pictures)
    for number, first in enumerate(rest):
        count += write_chunk(folder / _named(name, number), chain([first], islice(rest, CHUNK_FRAMES - 1)))
    return count


def read_strip(folder: Path, name: str, count: int, span: Span) -> Iterator[Pictures]:
    """The pictures of a span, in order, of a strip of `count`."""
    if span.stop > count:
        raise ValueError(f"{span} of a strip of {count}")
    for start in range(span.start // CHUNK_FRAMES * CHUNK_FRAMES, span.stop, CHUNK_FRAMES):
        pictures = read_chunk(folder / _named(name, start // CHUNK_FRAMES), min(CHUNK_FRAMES, count - start))
        wanted = span & Span(start, min(start + CHUNK_FRAMES, count))
        yield from islice(pictures, wanted.start - start, wanted.stop - start)


def _named(name: str, number: int) -> str:
    return f"{name}-{number:04}.mkv"
