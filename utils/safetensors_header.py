"""The header of a safetensors file: names, dtypes and shapes of its tensors, read without torch.

    for tensor in read_header(Path("lora.safetensors")): ...

The file may come from a stranger, so everything that it says is checked before anything is allocated: the length of the
header, its JSON, and that the tensors lie inside of the file, one after the other, without overlaps and gaps.
"""

from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

from utils.errors import ModelError
from utils.untrusted_json import UntrustedJson, read_object

MOST_HEADER_BYTES = 100_000_000
"""The limit of the safetensors library itself."""
MOST_DIMENSIONS = 32
LENGTH_BYTES = 8
BITS = {
    "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6, "F8_E4M3": 8, "F8_E5M2": 8, "F8_E8M0": 8, "BOOL": 8, "U8": 8, "I8": 8,
    "U16": 16, "I16": 16, "F16": 16, "BF16": 16, "U32": 32, "I32": 32, "F32": 32, "U64": 64, "I64": 64, "F64": 64,
    "C64": 64,
}  # fmt: skip
"""Dtype -> bits of one number."""


@dataclass(frozen=True)
class Tensor:
    """One tensor of a file: where its bytes are, from the end of the header on."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    start: int
    stop: int


@dataclass(frozen=True)
class Header:
    """The tensors of a file in the order of their bytes, and the texts that its author added."""

    tensors: tuple[Tensor, ...]
    metadata: dict[str, str]

    @property
    def numbers(self) -> int:
        """How many numbers all tensors hold."""
        return sum(prod(tensor.shape) for tensor in self.tensors)


class _Refused(ValueError):
    """Why a header is not believed."""


def read_header(path: Path) -> Header:
    """Read and check the header of a file; ModelError says what is wrong with it."""
    try:
        with path.open("rb") as file:
            size_bytes = path.stat().st_size
            length = int.from_bytes(file.read(LENGTH_BYTES), "little")
            if size_bytes < LENGTH_BYTES or length > size_bytes - LENGTH_BYTES:
                raise _Refused("its header is longer than the file; it may be cut off")
            if length > MOST_HEADER_BYTES:
                raise _Refused(f"its header has {length} bytes, more than {MOST_HEADER_BYTES}")
            values = read_object(file.read(length), MOST_HEADER_BYTES)
        return _checked(values, size_bytes - LENGTH_BYTES - length)
    except (_Refused, UntrustedJson) as error:
        raise ModelError(
            f"{path.name!r} is no sound safetensors file: {error}.", "Get it again from where it came from."
        ) from error


def _checked(values: dict[str, Any], data_bytes: int) -> Header:
    """The header that these values are, of a file with so many bytes of tensors."""
    metadata = values.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise _Refused("its metadata are no texts")
    tensors = sorted((_tensor(name, value) for name, value in values.items()), key=lambda each: (each.start, each.stop))
    end = 0
    for tensor in tensors:
        if tensor.start != end:
            raise _Refused(f"the bytes of {tensor.name!r:.80} {'overlap' if tensor.start < end else 'leave a gap'}")
        end = tensor.stop
    if end != data_bytes:
        raise _Refused(f"its tensors take {end} bytes, and {data_bytes} are there")
    return Header(tuple(tensors), metadata)


def _tensor(name: str, value: Any) -> Tensor:
    """One entry of the header."""
    if not isinstance(value, dict) or set(value) != {"dtype", "shape", "data_offsets"}:
        raise _Refused(f"{name!r:.80} is not described as a tensor")
    dtype, shape, offsets = value["dtype"], value["shape"], value["data_offsets"]
    if not isinstance(dtype, str) or dtype not in BITS:
        raise _Refused(f"the dtype of {name!r:.80} is unknown: {dtype!r:.40}")
    if not _counts(shape) or len(shape) > MOST_DIMENSIONS or not _counts(offsets) or len(offsets) != 2:
        raise _Refused(f"shape or place of {name!r:.80} is no list of whole numbers")
    start, stop = offsets
    if 8 * (stop - start) != BITS[dtype] * prod(shape):
        raise _Refused(f"{name!r:.80} has {stop - start} bytes, which its shape and dtype do not take")
    return Tensor(name, dtype, tuple(shape), start, stop)


def _counts(value: Any) -> bool:
    """Whether a value is a list of whole numbers from 0 on that a file can hold."""
    return isinstance(value, list) and all(type(each) is int and 0 <= each < 2**63 for each in value)
