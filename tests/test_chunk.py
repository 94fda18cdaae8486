"""Intermediate pictures come back bit for bit, or the damage is said."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from utils.errors import UnreadableClip, WriteError
from utils.media.chunk import Pictures, read_chunk, write_chunk


def noise(count: int, *shape: int) -> list[Pictures]:
    chance = np.random.default_rng(len(shape))
    return [chance.integers(0, 256, shape, dtype=np.uint8) for _ in range(count)]


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(1, 70), st.integers(1, 70), st.booleans(), st.integers(1, 30))
def test_pictures_come_back_bit_for_bit(tmp_path: Path, height: int, width: int, grey: bool, count: int) -> None:
    pictures = noise(count, *((height, width) if grey else (height, width, 3)))
    assert write_chunk(tmp_path / "chunk.nut", pictures) == count
    for read, written in zip(read_chunk(tmp_path / "chunk.nut", count), pictures, strict=True):
        assert np.array_equal(read, written)


def test_no_pictures_make_no_file_that_reads(tmp_path: Path) -> None:
    assert write_chunk(tmp_path / "none.nut", []) == 0
    with pytest.raises(UnreadableClip):
        list(read_chunk(tmp_path / "none.nut", 1))


def test_no_place_to_write_is_said(tmp_path: Path) -> None:
    with pytest.raises(WriteError, match="intermediate file"):
        write_chunk(tmp_path / "absent" / "chunk.nut", noise(1, 8, 8, 3))


def test_a_chunk_that_was_cut_off_is_said(tmp_path: Path) -> None:
    path = tmp_path / "chunk.nut"
    write_chunk(path, noise(30, 48, 64, 3))
    whole = path.read_bytes()
    for share in (0.3, 0.6, 0.9):
        path.write_bytes(whole[: round(share * len(whole))])
        with pytest.raises(UnreadableClip):
            list(read_chunk(path, 30))


def test_pictures_of_another_shape_are_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"\(8, 9, 3\)"):
        write_chunk(tmp_path / "chunk.nut", [*noise(1, 8, 8, 3), *noise(1, 8, 9, 3)])


@pytest.mark.parametrize("grey", [True, False])
@pytest.mark.parametrize("start", [0, 1, 23, 24, 25, 47, 48, 71, 72, 74])
def test_reading_from_the_middle_gives_the_rest(tmp_path: Path, start: int, grey: bool) -> None:
    pictures = noise(75, *((32, 48) if grey else (32, 48, 3)))
    write_chunk(tmp_path / "chunk.nut", pictures)
    rest = list(read_chunk(tmp_path / "chunk.nut", 75, start))
    assert len(rest) == 75 - start
    assert all(np.array_equal(a, b) for a, b in zip(rest, pictures[start:], strict=True))
