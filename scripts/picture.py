"""python -m scripts.picture: makes docs/walker.jpg, the picture in the README, from the sample clip."""

from pathlib import Path

import cv2

from utils.walker import Scene, Shot
from utils.walker.show import overlay, sheet

MOMENTS = (60, 118, 160, 246)


def main() -> None:
    """Four moments of the walk, and below them what is known of each."""
    scene = Scene(Shot())
    frames = [scene.frame(index) for index in MOMENTS]
    plain = [picture for picture, _ in frames]
    known = [overlay(picture, truth) for picture, truth in frames]
    page = sheet([*plain, *known], columns=len(MOMENTS))
    Path("docs").mkdir(exist_ok=True)
    cv2.imwrite("docs/walker.jpg", page[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 88])


if __name__ == "__main__":
    main()
