"""An independent meter of steadiness: the motion of the background in a video file, whoever made it.

The meter shares no code with the program's own tracker. Corners are followed from frame to frame and back again, a
similarity is fitted by RANSAC, and what the black border of a moved picture covers is left out.
"""

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from tests.forms import FFMPEG
from utils.camera.stabilization import stabilise
from utils.camera.stabilized_copy import followed, write_steady
from utils.media.clip import Clip

Grey = NDArray[np.uint8]
BORDER_PX = 15
"""What lies this near to the border of a moved picture is left out."""
SLOW_HZ = 0.3
"""Movement slower than this is what the operator meant."""


@dataclass(frozen=True)
class Steadiness:
    """The motion from each frame to the next: n x 4, right, down (px, in the middle), turn (rad), log of the zoom."""

    motion: NDArray[np.float64]
    rate: float

    @property
    def jerk_px(self) -> float:
        """Root mean square of the second difference of the path, px."""
        return float(np.sqrt((np.diff(self.motion[:, :2], axis=0) ** 2).sum(axis=1).mean()))

    @property
    def jerk_mrad(self) -> float:
        """Jerk of the turn, in thousandths of a radian."""
        return float(1000 * np.sqrt((np.diff(self.motion[:, 2]) ** 2).mean()))

    def slow_path_px(self) -> NDArray[np.float64]:
        """The path below SLOW_HZ, n x 2."""
        path = np.cumsum(self.motion[:, :2], axis=0)
        return np.asarray(gaussian_filter1d(path, self.rate / (2 * np.pi * SLOW_HZ), axis=0))

    def away_px(self, source: "Steadiness") -> float:
        """How far the slow path lies from the source's, root mean square, px."""
        off = self.slow_path_px() - source.slow_path_px()
        return float(np.sqrt(((off - off.mean(axis=0)) ** 2).sum(axis=1).mean()))


def greys(path: Path) -> list[Grey]:
    """All frames of a file, in grey."""
    with av.open(str(path)) as file:
        return [np.asarray(frame.to_ndarray(format="gray"), np.uint8) for frame in file.decode(video=0)]


def shown(frames: Sequence[Grey]) -> list[Grey]:
    """Where each frame shows a picture, without the black border that a moved picture leaves."""
    kernel = np.ones((31, 31), np.uint8)
    return [cv2.morphologyEx(np.asarray((frame > 18) * 255, np.uint8), cv2.MORPH_CLOSE, kernel) for frame in frames]


def steadiness(frames: Sequence[Grey], rate: float, looked_at: Sequence[Grey]) -> Steadiness:
    """Measure a film; `looked_at` marks the pixels of each frame that count."""
    pairs = zip(frames, frames[1:], looked_at, strict=False)
    return Steadiness(np.array([_motion(before, after, mask) for before, after, mask in pairs]), rate)


def _motion(before: Grey, after: Grey, mask: Grey) -> tuple[float, float, float, float]:
    inner = cv2.erode(mask, np.ones((BORDER_PX, BORDER_PX), np.uint8))
    start = cv2.goodFeaturesToTrack(before, 600, 0.01, 8, mask=inner)
    there, found, _ = cv2.calcOpticalFlowPyrLK(before, after, start, None, winSize=(21, 21), maxLevel=4)
    back, again, _ = cv2.calcOpticalFlowPyrLK(after, before, there, None, winSize=(21, 21), maxLevel=4)
    kept = (found.ravel() > 0) & (again.ravel() > 0) & (np.linalg.norm((start - back)[:, 0], axis=1) < 0.5)
    middle = (np.array(before.shape[::-1]) - 1) / 2
    matrix, _ = cv2.estimateAffinePartial2D(
        start[kept, 0] - middle, there[kept, 0] - middle, method=cv2.RANSAC, ransacReprojThreshold=2.0,
        maxIters=2000, confidence=0.999, refineIters=20,
    )  # fmt: skip
    along, across = matrix[0, 0], matrix[1, 0]
    return matrix[0, 2], matrix[1, 2], float(np.arctan2(across, along)), float(np.log(np.hypot(along, across)))


def detail(frames: Sequence[Grey], looked_at: Sequence[Grey], every: int = 7) -> float:
    """The energy of gradients of a film: what blur takes away."""
    total = []
    for frame, mask in list(zip(frames, looked_at, strict=True))[::every]:
        picture = frame.astype(np.float32)
        right, down = picture[1:-1, 2:] - picture[1:-1, :-2], picture[2:, 1:-1] - picture[:-2, 1:-1]
        inner = cv2.erode(mask, np.ones((9, 9), np.uint8))[1:-1, 1:-1] > 0
        total.append(float((right**2 + down**2)[inner].sum()))
    return float(np.mean(total))


def vid_stab(clip: Path, folder: Path) -> Path:
    """What ffmpeg's vid.stab makes of a clip in two passes, with its usual smoothing of 15 frames."""
    out, found = folder / f"{clip.stem}.vidstab.mp4", folder / f"{clip.stem}.trf"
    source = [FFMPEG, "-v", "fatal", "-y", "-i", str(clip)]
    subprocess.run([*source, "-vf", f"vidstabdetect=result={found}", "-f", "null", "-"], check=True)
    made = ["-fps_mode", "passthrough", "-vf", f"vidstabtransform=input={found}:smoothing=15"]
    subprocess.run([*source, *made, "-c:v", "libx264", "-preset", "veryfast", "-crf", "16", str(out)], check=True)
    return out


@dataclass(frozen=True)
class Compared:
    """One clip as it was filmed, by vid.stab, and by this program; and the share of the detail that each kept."""

    meters: dict[str, Steadiness]
    kept_detail: dict[str, float]


def compared(clip: Clip, folder: Path) -> Compared:
    """Steady a clip by vid.stab and by this program, and measure both beside the source."""
    rate, ours = float(clip.rate), folder / "ours.mp4"
    write_steady(ours, clip, stabilise(followed(clip)))
    films = {"source": greys(clip.path), "vid.stab": greys(vid_stab(clip.path, folder)), "steady": greys(ours)}
    looked_at = {name: shown(frames) for name, frames in films.items()}
    looked_at["source"] = [np.full_like(frame, 255) for frame in films["source"]]
    assert len({len(frames) for frames in films.values()}) == 1
    whole = detail(films["source"], looked_at["source"])
    return Compared(
        {name: steadiness(frames, rate, looked_at[name]) for name, frames in films.items()},
        {name: detail(frames, looked_at[name]) / whole for name, frames in films.items()},
    )
