"""Mattes that are kept come back bit for bit, any of them, also the empty ones."""

from pathlib import Path

import numpy as np
import pytest

from utils.camera.tracking import Mask
from utils.errors import UnreadableClip
from utils.image import Box, Size
from utils.people.matte_files import DATA, read_mattes, write_mattes

SIZE, COUNT = Size(64, 48), 9


def matte(index: int) -> Mask:
    """Another soft patch each; the fourth and the last are empty, one touches every edge."""
    result = np.zeros((SIZE.height_px, SIZE.width_px), np.uint8)
    random = np.random.default_rng(index)
    if index == 5:
        return random.integers(1, 255, result.shape, dtype=np.uint8)
    if index not in (3, COUNT - 1):
        result[index : index + 20, 2 * index : 2 * index + 9] = random.integers(1, 255, (20, 9))
    return result


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("mattes")
    boxes = write_mattes(folder, map(matte, range(COUNT)))
    assert boxes[3] is None and boxes[2] == Box(4, 2, 13, 22)
    return folder


@pytest.mark.parametrize("wanted", [range(COUNT), [0], [], [3, 4], [8, 1, 5]], ids=str)
def test_any_of_them_is_what_was_written(folder: Path, wanted: list[int]) -> None:
    read = list(read_mattes(folder, SIZE, wanted))
    assert len(read) == len(wanted)
    assert all(np.array_equal(one, matte(index)) for index, one in zip(wanted, read, strict=True))


def test_damage_is_said(tmp_path: Path) -> None:
    write_mattes(tmp_path, [matte(1)])
    (tmp_path / DATA).write_bytes(b"x" * (tmp_path / DATA).stat().st_size)
    with pytest.raises(UnreadableClip, match="damaged"):
        list(read_mattes(tmp_path, SIZE, [0]))
