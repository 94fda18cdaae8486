"""python -m benchmarks.memory: peak memory of reading and writing does not grow with the length of the clip."""

import subprocess
import tempfile
from pathlib import Path

from benchmarks.measure import peak_mb
from tests.forms import FFMPEG

READ = """
import sys; from pathlib import Path
from utils.media.intake import probe; from utils.media.video import ClipFrames
for frame in ClipFrames.of(probe(Path(sys.argv[1]))): pass
"""
WRITE = """
import sys; from pathlib import Path
from utils.media.intake import probe; from utils.media.video import ClipFrames; from utils.media.write import write_clip
clip = probe(Path(sys.argv[1])); write_clip(Path(sys.argv[2]), ClipFrames.of(clip), clip)
"""


def main() -> None:
    """Peak memory for a 10 s and a 100 s clip of 720p with sound, each task in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        clips = {seconds: _clip(Path(folder), seconds) for seconds in (10, 100)}
        for name, code in {"read every frame": READ, "read and write with sound": WRITE}.items():
            peaks = {seconds: peak_mb(code, str(clip), f"{folder}/out.mp4") for seconds, clip in clips.items()}
            print(
                f"{name:<28} 10 s: {peaks[10]:6.1f} MB   100 s: {peaks[100]:6.1f} MB   {peaks[100] / peaks[10]:.3f} x"
            )


def _clip(folder: Path, seconds: int) -> Path:
    path = folder / f"{seconds}.mp4"
    picture = ["-f", "lavfi", "-i", f"testsrc2=s=1280x720:r=30:d={seconds}"]
    sound = ["-f", "lavfi", "-i", f"sine=d={seconds}", "-c:a", "aac"]
    codec = ["-c:v", "libx264", "-preset", "ultrafast"]
    subprocess.run([FFMPEG, "-v", "error", *picture, *sound, *codec, str(path)], check=True)
    return path


if __name__ == "__main__":
    main()
