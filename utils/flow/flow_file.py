"""Flow file: the flows from each frame of a clip to its neighbour, any slice of which is read without the rest.

    magic     8 bytes
    lengths   of the header and of the table, two uint32
    header    JSON: from what the flows were computed, and how
    table     for each flow its offset, its length and 8 bytes of its BLAKE3; then 16 bytes of the BLAKE3 of all above
    flows     one after the other

A flow is stored as int16 steps, row by row (u, then v) as the difference from the row above, and one bit per pixel for
`valid`; bits are shuffled together and compressed by zstd. Differences between rows compress better than those between
columns, by a quarter (benchmarks/flow.py). The table is written last, so that an unfinished file is never read.
"""

import json
import os
import struct
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any

import cv2
import numpy as np
from blake3 import blake3
from numcodecs.blosc import Blosc
from numpy.typing import NDArray

from utils.errors import ReshootError
from utils.flow.field import Flags, Flow
from utils.flow.quantised import STEPS_PER_PX, packed, saturated, unpacked
from utils.media.timebase import Span
from utils.size import Size

ReadRange = Callable[[int, int], bytes]
"""Reads the bytes from a start up to a stop, from a file or an object in a bucket; fewer where it ends before."""

MAGIC = b"RSHFLOW1"
_LENGTHS = struct.Struct("<II")
_ROW = np.dtype([("offset", "<u8"), ("bytes", "<u4"), ("digest", "V8")])
_SEAL_BYTES = 16
HEAD_BYTES = 1 << 16
"""How much is read at first, which holds the header and the table of 3,000 flows."""
READ_BYTES = 8 << 20
"""Most bytes of flows that are read at once."""
_CODEC = Blosc(cname="zstd", clevel=1, shuffle=Blosc.BITSHUFFLE, blocksize=1 << 18)
_BITS = Blosc(cname="zstd", clevel=1, shuffle=Blosc.NOSHUFFLE)


class FlowFileError(ReshootError):
    """A flow file is damaged, or has not what is asked of it."""


@dataclass(frozen=True)
class FlowHeader:
    """What a flow file holds: `count` flows, from frame `first` on, each to the frame `step` (1 or -1) further."""

    source: str
    """Digest of the clip."""
    picture_size: Size
    """The size of its pictures."""
    size: Size
    """The size of the flows, with vectors in its pixels."""
    rate: Fraction
    first: int
    count: int
    step: int
    method: str
    steps_per_px: int = STEPS_PER_PX

    def to_bytes(self) -> bytes:
        """As JSON."""
        return json.dumps(asdict(self) | {"rate": str(self.rate)}, sort_keys=True).encode("ascii")

    @classmethod
    def from_bytes(cls, data: bytes) -> "FlowHeader":
        """The inverse of `to_bytes`."""
        values: dict[str, Any] = json.loads(data)
        sizes = {name: Size(*values[name]) for name in ("picture_size", "size")}
        return cls(**{**values, **sizes, "rate": Fraction(values["rate"])})

    @property
    def sources(self) -> Span:
        """The frames from which flows lead."""
        return Span(self.first, self.first + self.count)


class FlowWriter:
    """Writes a flow file. It becomes readable when its `with` block ends without an error and with all flows."""

    def __init__(self, path: Path, header: FlowHeader) -> None:
        self.header = header
        self._rows: list[tuple[int, int, bytes]] = []
        self._head = header.to_bytes()
        self._table_bytes = header.count * _ROW.itemsize + _SEAL_BYTES
        self._file = path.open("wb")
        self._file.seek(len(MAGIC) + _LENGTHS.size + len(self._head) + self._table_bytes)

    def add(self, encoded: bytes) -> None:
        """Add the next flow, as `encoded` returns it."""
        self._rows.append((self._file.tell(), len(encoded), blake3(encoded).digest(8)))
        self._file.write(encoded)

    def __enter__(self) -> "FlowWriter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._file:
            if kind is None:
                if len(self._rows) != self.header.count:
                    raise ValueError(f"{len(self._rows)} flows in a file of {self.header.count}")
                table = np.array(self._rows, _ROW).tobytes()
                head = MAGIC + _LENGTHS.pack(len(self._head), self._table_bytes) + self._head + table
                self._file.seek(0)
                self._file.write(head + blake3(head).digest(_SEAL_BYTES))


class FlowFile:
    """Reads flows by the frame from which they lead. Every flow is checked before it is used."""

    def __init__(self, read: ReadRange) -> None:
        self._read = read
        head = read(0, HEAD_BYTES)
        if not head.startswith(MAGIC) or len(head) < len(MAGIC) + _LENGTHS.size:
            raise FlowFileError("This is no flow file of this version.", "Remove it and compute the flow again.")
        header_bytes, table_bytes = _LENGTHS.unpack_from(head, len(MAGIC))
        start = len(MAGIC) + _LENGTHS.size
        stop = start + header_bytes + table_bytes
        if stop > len(head):
            head += read(len(head), stop)
        sealed, seal = head[: stop - _SEAL_BYTES], head[stop - _SEAL_BYTES : stop]
        if blake3(sealed).digest(_SEAL_BYTES) != seal:
            raise _damaged("its table")
        self.header = FlowHeader.from_bytes(sealed[start : start + header_bytes])
        self._rows = np.frombuffer(sealed[start + header_bytes :], _ROW)

    @classmethod
    def at(cls, path: Path) -> "FlowFile":
        """Open the file at a path."""

        def read(start: int, stop: int) -> bytes:
            with path.open("rb") as file:
                return os.pread(file.fileno(), stop - start, start)

        return cls(read)

    def __len__(self) -> int:
        return len(self._rows)

    def flow(self, source: int) -> Flow:
        """The flow that leads from a frame."""
        return next(self.flows(Span(source, source + 1)))

    def flows(self, sources: Span) -> Iterator[Flow]:
        """The flows that lead from a span of frames, read in as few pieces as their size allows."""
        if sources and not (sources.start in self.header.sources and sources.stop - 1 in self.header.sources):
            raise FlowFileError(
                f"There is no flow from frames {sources.start}-{sources.stop - 1} in this file.",
                f"It has those from {self.header.first} to {self.header.sources.stop - 1}.",
            )
        for piece in self._pieces(sources):
            rows = self._rows[piece.start - self.header.first : piece.stop - self.header.first]
            begin = int(rows[0]["offset"])
            data = memoryview(self._read(begin, int(rows[-1]["offset"] + rows[-1]["bytes"])))
            for source, row in zip(piece, rows, strict=True):
                at = int(row["offset"]) - begin
                yield self._decoded(source, data[at : at + int(row["bytes"])], bytes(row["digest"]))

    def _pieces(self, sources: Span) -> Iterator[Span]:
        """The sources in parts that are read at once; the flows of a file lie one after the other."""
        start = sources.start
        while start < sources.stop:
            ends = np.cumsum(self._rows["bytes"][start - self.header.first : sources.stop - self.header.first])
            count = max(1, int(np.searchsorted(ends, READ_BYTES, side="right")))
            yield Span(start, start + count)
            start += count

    def _decoded(self, source: int, data: memoryview, digest: bytes) -> Flow:
        if blake3(data).digest(len(digest)) != digest:
            raise _damaged(f"the flow from frame {source}")
        vectors, valid = decoded(data, self.header.size, self.header.steps_per_px)
        return Flow(vectors, valid, source, source + self.header.step)


def encoded(flow: Flow, steps_per_px: int = STEPS_PER_PX) -> bytes:
    """A flow as a flow file holds it. Displacements too large for it are marked as not valid."""
    steps = packed(flow.vectors, steps_per_px)
    clipped = saturated(steps)
    valid = flow.valid if clipped is None else flow.valid & ~clipped
    rows = np.ascontiguousarray(steps.transpose(0, 2, 1))
    rows[1:] = rows[1:] - rows[:-1]
    vectors, bits = bytes(_CODEC.encode(rows)), bytes(_BITS.encode(np.packbits(valid)))
    return struct.pack("<I", len(vectors)) + vectors + bits


def decoded(data: memoryview, size: Size, steps_per_px: int) -> tuple[NDArray[np.float32], Flags]:
    """The inverse of `encoded`: vectors and valid."""
    (length,) = struct.unpack_from("<I", data)
    rows = np.empty((size.height_px, 2, size.width_px), np.int16)
    _CODEC.decode(data[4 : 4 + length], rows)
    above = rows[0]
    for row in rows[1:]:
        row += above
        above = row
    steps = np.asarray(cv2.merge([rows[:, 0], rows[:, 1]]), np.int16)
    bits = np.frombuffer(_BITS.decode(data[4 + length :]), np.uint8)
    valid = np.unpackbits(bits, count=size.area_px).reshape(size.height_px, size.width_px).view(np.bool_)
    return unpacked(steps, steps_per_px), valid


def _damaged(what: str) -> FlowFileError:
    return FlowFileError(f"A flow file is damaged: {what} has changed.", "Remove it and compute the flow again.")
