"""Chunks: a film is encoded in spans of some seconds, each of which is cached by what is seen in it.

When one subtitle changes, its chunk is encoded again and the others are copied. A run that is killed goes on at the
chunk that it had begun. Chunks hold pictures alone; they are joined by the times of the plan.
"""

from contextlib import closing
from dataclasses import dataclass, field
from functools import cached_property

from pipeline.stage import Stage, Work
from utils.digest import canonical_json, digest_bytes
from utils.film.film import Film, Showing
from utils.media.timebase import Span
from utils.media.write import ClipWriter, Encoding, Shape
from utils.prefetch import prefetch

CHUNK = "pictures.mp4"


@dataclass(frozen=True)
class FilmChunk:
    """A span of a film on its way to the encoder."""

    film: Film
    span: Span
    showing: Showing = field(compare=False)
    """The film, opened: shared by all chunks, so that decoding goes on from one to the next."""

    @cached_property
    def digest(self) -> str:
        """Digest of all that decides its pictures."""
        return digest_bytes(canonical_json(self.film.told(self.span)))


def _encode(work: Work) -> None:
    chunk: FilmChunk = work.inputs["chunk"]
    film, encoding = chunk.film, Encoding(work.settings["encode.crf"], work.settings["encode.x264_preset"])
    shape = Shape(film.size, film.rate, 1 / film.rate, film.colour)
    with (
        ClipWriter(work.folder / CHUNK, shape, encoding) as writer,
        closing(prefetch(chunk.showing.pictures(chunk.span))) as pictures,
    ):
        for number, picture in enumerate(pictures):
            work.report(chunk.span.start + number + 1, len(film))
            writer.write(picture, number)


FILM_CHUNK = Stage(
    "film",
    version=1,
    run=_encode,
    settings=("encode.crf", "encode.x264_preset"),
    tools=("av", "numpy", "opencv-contrib-python", "pillow"),
)
