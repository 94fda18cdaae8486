"""Safetensors headers: what is sound is read as it is, and nothing else is believed."""

import json
from math import prod
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from utils.errors import ModelError
from utils.safetensors_header import BITS, MOST_HEADER_BYTES, read_header

SHAPES = st.lists(st.integers(0, 5), max_size=3)
BYTEWISE = sorted(name for name, bits in BITS.items() if bits % 8 == 0)
TENSORS = st.dictionaries(st.text(min_size=1).filter(lambda name: name != "__metadata__"),
                          st.tuples(st.sampled_from(BYTEWISE), SHAPES), max_size=5)  # fmt: skip


def described(tensors: dict[str, tuple[str, list[int]]]) -> tuple[dict[str, Any], int]:
    """The header of these tensors one after the other, and how many bytes they take."""
    header: dict[str, Any] = {}
    end = 0
    for name, (dtype, shape) in tensors.items():
        start, end = end, end + BITS[dtype] // 8 * prod(shape)
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [start, end]}
    return header, end


def written(path: Path, header: object, data_bytes: int, length: int | None = None) -> Path:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes((len(text) if length is None else length).to_bytes(8, "little") + text + bytes(data_bytes))
    return path


def test_what_is_written_is_read(tmp_path: Path) -> None:
    header, data_bytes = described({"b": ("F32", [2, 3]), "a": ("BF16", [4]), "empty": ("I8", [0, 7])})
    found = read_header(written(tmp_path / "x", {**header, "__metadata__": {"format": "pt"}}, data_bytes))
    assert {each.name: (each.dtype, each.shape) for each in found.tensors} == {
        "b": ("F32", (2, 3)),
        "a": ("BF16", (4,)),
        "empty": ("I8", (0, 7)),
    }
    assert found.metadata == {"format": "pt"} and found.numbers == 10


@given(TENSORS, st.integers(0, 8))
def test_any_sound_file_is_read(tensors: dict[str, tuple[str, list[int]]], spaces: int) -> None:
    header, data_bytes = described(tensors)
    with TemporaryDirectory() as folder:
        found = read_header(written(Path(folder, "x"), json.dumps(header).encode() + b" " * spaces, data_bytes))
    assert {each.name: (each.dtype, list(each.shape)) for each in found.tensors} == tensors


@given(TENSORS.filter(lambda tensors: any(prod(shape) for _, shape in tensors.values())), st.data())
def test_offsets_that_moved_are_refused(tensors: dict[str, tuple[str, list[int]]], data: st.DataObject) -> None:
    """Both ends of one tensor that holds something move together: it then overlaps, leaves a gap, or lies outside."""
    header, data_bytes = described(tensors)
    name = data.draw(st.sampled_from([name for name, (_, shape) in tensors.items() if prod(shape)]))
    by = data.draw(st.integers(-20, 20).filter(bool))
    header[name]["data_offsets"] = [offset + by for offset in header[name]["data_offsets"]]
    with TemporaryDirectory() as folder, pytest.raises(ModelError):
        read_header(written(Path(folder, "x"), header, data_bytes))


@given(st.binary(max_size=200))
def test_no_bytes_end_in_anything_but_a_sentence(content: bytes) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder, "x")
        path.write_bytes(content)
        try:
            read_header(path)
        except ModelError as error:
            assert "safetensors" in error.problem


ONE = {"dtype": "U8", "shape": [2], "data_offsets": [0, 2]}


@pytest.mark.parametrize(
    ("header", "data_bytes", "why"),
    [
        ({"a": ONE}, 1, "take 2 bytes, and 1"),
        ({"a": ONE}, 3, "take 2 bytes, and 3"),
        ({"a": ONE, "b": ONE}, 2, "overlap"),
        ({"a": ONE, "b": {**ONE, "data_offsets": [3, 5]}}, 5, "gap"),
        (b'{"a": %b, "a": %b}' % ((json.dumps(ONE).encode(),) * 2), 2, "twice"),
        ({"a": {**ONE, "dtype": "PICKLE"}}, 2, "unknown"),
        ({"a": {**ONE, "dtype": ["U8"]}}, 2, "unknown"),
        ({"a": {**ONE, "shape": [-2]}}, 2, "whole numbers"),
        ({"a": {**ONE, "shape": [True, 2]}}, 2, "whole numbers"),
        ({"a": {**ONE, "shape": [2**40, 2**40]}}, 2, "do not take"),
        ({"a": {**ONE, "shape": [1] * 40}}, 2, "whole numbers"),
        ({"a": {**ONE, "more": 1}}, 2, "not described"),
        ({"a": ONE, "__metadata__": {"x": 1}}, 2, "no texts"),
        ([ONE], 2, "not an object"),
        (b"{" * 100, 0, "deeper"),
        (b"\xff", 0, "utf-8"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, header: object, data_bytes: int, why: str) -> None:
    with pytest.raises(ModelError, match=why):
        read_header(written(tmp_path / "x", header, data_bytes))


def test_a_cut_file_is_refused(tmp_path: Path) -> None:
    header, data_bytes = described({"a": ("F32", [100])})
    path = written(tmp_path / "x", header, data_bytes)
    whole = path.read_bytes()
    for size in (0, 5, 8, 20, len(whole) - 1):
        path.write_bytes(whole[:size])
        with pytest.raises(ModelError):
            read_header(path)


def test_a_header_over_the_limit_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = written(tmp_path / "x", {}, 0, MOST_HEADER_BYTES + 1)
    with path.open("r+b") as file:
        file.truncate(MOST_HEADER_BYTES + 100)  # a sparse file: nothing is on the disk
    with pytest.raises(ModelError, match="more than"):
        read_header(path)
