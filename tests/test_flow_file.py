"""A flow file gives back what was put in, to within half a step, any slice without the rest, and never what changed."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest

from utils.flow import Flow
from utils.flow.flow_file import HEAD_BYTES, FlowFile, FlowFileError, FlowHeader, FlowWriter, encoded
from utils.media.timebase import Span
from utils.size import Size

SIZE = Size(96, 64)
FIRST, COUNT = 7, 40


def flows(count: int = COUNT, size: Size = SIZE, first: int = FIRST) -> list[Flow]:
    """Smooth random motion with a little noise, as flow that was searched has, and holes in what is valid."""
    rng, made = np.random.default_rng(5), []
    for number in range(count):
        rough = rng.normal(size=(*size[::-1], 2)).astype(np.float32)
        vectors = np.asarray(200 * cv2.GaussianBlur(rough, (0, 0), 9) + 0.02 * rough, np.float32)
        made.append(Flow(vectors, rough[..., 0] < 1.5, first + number, first + number + 1))
    return made


def header(count: int = COUNT, size: Size = SIZE, steps_per_px: int = 16) -> FlowHeader:
    rate = Fraction(30000, 1001)
    return FlowHeader("ab" * 32, Size(1280, 720), size, rate, FIRST, count, 1, "a method", steps_per_px)


def written(path: Path, of: list[Flow], steps_per_px: int = 16) -> Path:
    with FlowWriter(path, header(len(of), of[0].size, steps_per_px)) as file:
        for flow in of:
            file.add(encoded(flow, steps_per_px))
    return path


class Counted:
    """Ranged reads of a file as of an object in a bucket, which count their bytes."""

    def __init__(self, path: Path) -> None:
        self.data, self.bytes = path.read_bytes(), 0

    def __call__(self, start: int, stop: int) -> bytes:
        part = self.data[start:stop]
        self.bytes += len(part)
        return part


@pytest.mark.parametrize(("steps_per_px", "within_px"), [(16, 0.032), (64, 0.008)])
def test_every_flow_comes_back(tmp_path: Path, steps_per_px: int, within_px: float) -> None:
    given = flows()
    file = FlowFile.at(written(tmp_path / "a.flow", given, steps_per_px))
    assert file.header == header(steps_per_px=steps_per_px) and len(file) == COUNT
    for flow, back in zip(given, file.flows(file.header.sources), strict=True):
        assert np.abs(flow.vectors - back.vectors).max() <= within_px
        assert np.array_equal(flow.valid, back.valid)
        assert (back.source, back.target) == (flow.source, flow.target)


def test_a_slice_is_read_without_the_rest(tmp_path: Path) -> None:
    given = flows(1000, Size(48, 32))
    path = written(tmp_path / "a.flow", given)
    read = Counted(path)
    back = list(FlowFile(read).flows(Span(507, 517)))
    assert [flow.source for flow in back] == list(range(507, 517))
    assert np.abs(back[3].vectors - given[503].vectors).max() <= 1 / 32 + 1e-5
    chunks = sum(len(encoded(flow)) for flow in given[500:510])
    assert read.bytes <= 1.2 * chunks + HEAD_BYTES < path.stat().st_size / 5
    assert next(FlowFile(read).flows(Span(7, 8))).source == 7


def test_a_table_longer_than_the_first_read_is_read_whole(tmp_path: Path) -> None:
    given = flows(1, Size(16, 16)) * 4000
    file = FlowFile.at(written(tmp_path / "a.flow", given))
    assert len(file) == 4000 and np.array_equal(file.flow(FIRST + 3999).valid, given[0].valid)


def test_displacements_too_large_are_not_valid(tmp_path: Path) -> None:
    vectors = np.zeros((16, 16, 2), np.float32)
    vectors[4, 5], vectors[6, 7] = (3000, 0), (0, -2000)
    file = FlowFile.at(written(tmp_path / "a.flow", [Flow(vectors, np.ones((16, 16), bool), FIRST, FIRST + 1)]))
    back = file.flow(FIRST)
    assert not back.valid[4, 5] and back.valid.sum() == 255
    assert back.vectors[6, 7].tolist() == [0, -2000]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: data[:20] + bytes([data[20] ^ 1]) + data[21:],
        lambda data: data[:400] + bytes([data[400] ^ 1]) + data[401:],
        lambda data: data[: len(data) // 2],
        lambda data: data[:-3] + b"abc",
        lambda data: data[:30],
        lambda data: b"",
    ],
    ids=["header", "table", "cut", "flow", "short", "empty"],
)
def test_what_was_changed_is_never_given(tmp_path: Path, spoil: Callable[[bytes], bytes]) -> None:
    path = written(tmp_path / "a.flow", flows())
    path.write_bytes(spoil(path.read_bytes()))
    with pytest.raises(FlowFileError, match=r"Remove it and compute the flow again\."):
        list(FlowFile.at(path).flows(Span(FIRST, FIRST + COUNT)))


def test_an_unfinished_file_is_no_flow_file(tmp_path: Path) -> None:
    path = tmp_path / "a.flow"
    with pytest.raises(KeyboardInterrupt), FlowWriter(path, header()) as file:
        file.add(encoded(flows(1)[0]))
        raise KeyboardInterrupt
    with pytest.raises(FlowFileError, match="no flow file"):
        FlowFile.at(path)
    with pytest.raises(ValueError, match="1 flows in a file of 40"), FlowWriter(path, header()) as file:
        file.add(encoded(flows(1)[0]))


def test_frames_that_it_has_not_are_named(tmp_path: Path) -> None:
    file = FlowFile.at(written(tmp_path / "a.flow", flows()))
    with pytest.raises(FlowFileError, match="no flow from frames 46-47") as caught:
        list(file.flows(Span(46, 48)))
    assert caught.value.remedy == "It has those from 7 to 46."
    assert list(file.flows(Span(20, 20))) == []
