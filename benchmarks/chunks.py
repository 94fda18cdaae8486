"""python -m benchmarks.chunks: compares our lossless codec for intermediate frames with FFV1 and npz."""

import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path

import av
import numpy as np

from benchmarks.measure import side_by_side, table
from tests.forms import FFMPEG
from utils.image import Size
from utils.media.chunk import Pictures, read_chunk, write_chunk
from utils.media.intake import probe
from utils.media.video import ClipFrames

FRAMES = 60
OURS = "ours (MagicYUV, RGB)"


def main() -> None:
    """Time, size and exactness on sixty 720p frames that were compressed once, as footage is."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        pictures = _footage(folder)
        ours, x264, ffv1, raw = (folder / name for name in ("ours.nut", "x264.mkv", "ffv1.mkv", "raw.npz"))
        writes = {
            OURS: lambda: write_chunk(ours, pictures),
            "x264, RGB, qp 0": lambda: _write_x264(x264, pictures),
            "FFV1": lambda: _write_ffv1(ffv1, pictures),
            "npz, compressed": lambda: np.savez_compressed(raw, frames=np.stack(pictures)),
        }
        table(f"write {FRAMES} frames", side_by_side(writes, rounds=2), of=OURS)
        reads = {
            OURS: lambda: sum(1 for _ in read_chunk(ours, FRAMES)),
            "x264, RGB, qp 0": lambda: sum(1 for _ in _read(x264)),
            "FFV1": lambda: sum(1 for _ in _read(ffv1)),
            "npz, compressed": lambda: len(np.load(raw)["frames"]),
        }
        table(f"read {FRAMES} frames", side_by_side(reads, rounds=2), of=OURS)
        exact = all(np.array_equal(a, b) for a, b in zip(read_chunk(ours, FRAMES), pictures, strict=True))
        sizes = {path.name: path.stat().st_size / FRAMES / 1e6 for path in (ours, x264, ffv1, raw)}
        print(f"\nMB per frame: {', '.join(f'{name} {size:.2f}' for name, size in sizes.items())}; ours exact: {exact}")


def _footage(folder: Path) -> list[Pictures]:
    path = folder / "footage.mp4"
    source = ["-f", "lavfi", "-i", f"testsrc2=s=1280x720:r=30:d={FRAMES / 30},noise=alls=8:allf=t"]
    subprocess.run([FFMPEG, "-v", "error", *source, "-c:v", "libx264", "-crf", "20", str(path)], check=True)
    return [frame.rgb for frame in ClipFrames.of(probe(path), Size(1280, 720))]


def _write_ffv1(path: Path, pictures: Iterable[Pictures]) -> None:
    with av.open(str(path), "w") as output:
        stream = output.add_stream("ffv1", rate=30, width=1280, height=720, pix_fmt="bgr0", options={"slices": "4"})
        stream.thread_count, stream.thread_type = 2, "SLICE"
        for picture in pictures:
            output.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format="bgr0")))
        output.mux(stream.encode(None))


def _write_x264(path: Path, pictures: Iterable[Pictures]) -> None:
    options = {"qp": "0", "preset": "ultrafast", "g": "24"}
    with av.open(str(path), "w") as output:
        stream = output.add_stream("libx264rgb", rate=30, width=1280, height=720, pix_fmt="rgb24", options=options)
        stream.thread_count = 4
        for picture in pictures:
            output.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        output.mux(stream.encode(None))


def _read(path: Path) -> Iterable[Pictures]:
    with av.open(str(path)) as container:
        container.streams.video[0].thread_type = "AUTO"
        for frame in container.decode(video=0):
            yield frame.to_ndarray(format="rgb24")  # type: ignore[misc]


if __name__ == "__main__":
    main()
