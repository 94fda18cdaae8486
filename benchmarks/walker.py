"""How fast the walker is rendered, in frames a second, compared with encoding the same frames by x264.

python -m benchmarks.walker [WIDTHxHEIGHT] [FRAMES]
"""

import sys
import tempfile
import time
from pathlib import Path

from utils.image import Size
from utils.media.write import ClipWriter, Shape
from utils.walker import Scene, Shot


def main(size: tuple[int, int], frames: int) -> None:
    """Render all frames, then encode them."""
    shot = Shot(size=size, frames=frames)
    started = time.perf_counter()
    scene = Scene(shot)
    scene.frame(0)
    ready = time.perf_counter()
    pictures = [picture for picture, _ in scene.frames()]
    drawn = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder, ClipWriter(Path(folder) / "clip.mp4", _shape(shot)) as writer:
        for index, picture in enumerate(pictures):
            writer.write(picture, index)
    encoded = time.perf_counter()
    draw_s, encode_s = drawn - ready, encoded - drawn
    print(f"{size[0]}x{size[1]}, {frames} frames, after {ready - started:.1f} s to model, paint and compile")
    print(f"drawn   {frames / draw_s:6.1f} frames a second")
    print(f"encoded {frames / encode_s:6.1f} frames a second (x264, veryfast)")
    print(f"drawing takes {draw_s / encode_s:.2f} times as long as encoding")


def _shape(shot: Shot) -> Shape:
    return Shape.steady(Size(*shot.size), shot.rate)


if __name__ == "__main__":
    width, height = (int(part) for part in (sys.argv[1] if len(sys.argv) > 1 else "1280x720").split("x"))
    main((width, height), int(sys.argv[2]) if len(sys.argv) > 2 else 90)
