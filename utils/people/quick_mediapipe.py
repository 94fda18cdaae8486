"""MediaPipe's models of poses and faces, imported in a third of the time: without what only plots and records sound.

MediaPipe imports matplotlib for drawing in 3D and sounddevice for recording; nothing here does either.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType


@contextmanager
def _without_plots_and_sound() -> Iterator[None]:
    """While MediaPipe is imported, matplotlib is empty and sounddevice absent, unless somebody has imported them."""
    plots = (
        {} if "matplotlib" in sys.modules else {name: ModuleType(name) for name in ("matplotlib", "matplotlib.pyplot")}
    )
    sound = {} if "sounddevice" in sys.modules else {"sounddevice": None}
    sys.modules.update(plots)
    sys.modules.update(sound)  # type: ignore[arg-type]
    try:
        yield
    finally:
        for name in (*plots, *sound):
            del sys.modules[name]


with _without_plots_and_sound():
    from mediapipe.python.solutions.face_detection import FaceDetection
    from mediapipe.python.solutions.pose import Pose

__all__ = ["FaceDetection", "Pose"]
