"""Chunks: a film is encoded in spans of some seconds, each of which is cached by what is seen in it.

When one subtitle changes, its chunk is encoded again and the others are copied. A run that is killed goes on at the
chunk that it had begun. Chunks hold pictures alone; they are joined by the times of the plan.
"""

import json
from contextlib import closing
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from pathlib import Path

import av
import numpy as np

from pipeline.stage import Stage, Work
from utils.digest import canonical_json, digest_bytes
from utils.film.film import Film, Showing
from utils.image.metrics import psnr_db, ssim
from utils.media.colour import samples
from utils.media.planes import Plane
from utils.media.timebase import Span
from utils.media.write import ClipWriter, Encoding, Shape
from utils.prefetch import prefetch

CHUNK, QUALITY = "pictures.mp4", "quality.json"
SAMPLED = 4
"""The frame of each chunk that is compared with what was encoded of it: one near its start is decoded quickly."""


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
    film, encoding = chunk.film, _encoding(work)
    sampled = min(SAMPLED, len(chunk.span) - 1)
    shape = Shape(film.size, film.rate, 1 / film.rate, film.colour)
    with (
        ClipWriter(work.folder / CHUNK, shape, encoding, index_first=False) as writer,
        closing(prefetch(chunk.showing.pictures(chunk.span))) as pictures,
    ):
        for number, picture in enumerate(pictures):
            work.report(chunk.span.start + number + 1, len(film))
            if number == sampled:
                before = samples(picture.planes[0]).copy()
            writer.write(picture, number)
    after = _decoded(work.folder / CHUNK, sampled)
    (work.folder / QUALITY).write_text(json.dumps({"ssim": ssim(before, after), "psnr_db": _db(before, after)}))


def _encoding(work: Work) -> Encoding:
    crf, preset, encoder = (work.settings[f"encode.{name}"] for name in ("crf", "x264_preset", "encoder"))
    return Encoding(crf, preset, encoder=encoder)


def _decoded(path: Path, number: int) -> Plane:
    """The luma of a frame of a chunk."""
    with av.open(str(path)) as container:
        frame = next(islice(container.decode(video=0), number, None))
        return np.asarray(samples(frame.planes[0]).copy(), np.uint8)


def _db(before: Plane, after: Plane) -> float:
    """Peak signal to noise; as high as is told where nothing was lost."""
    return min(99.0, psnr_db(before, after))


FILM_CHUNK = Stage(
    "film",
    version=3,
    run=_encode,
    settings=("encode.crf", "encode.x264_preset", "encode.encoder"),
    tools=("av", "numpy", "opencv-contrib-python", "pillow", "numba", "scipy"),
)
