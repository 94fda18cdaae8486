"""Probes that run in a child process: each really uses a package and prints one marked line of JSON.

Run as `python -P probes.py torch`. A package that cannot be used ends the child with its own error.
"""

import io
import json
import sys
from typing import Any


def torch() -> dict[str, Any]:
    """Whether torch computes on the GPU, or why not."""
    import torch  # type: ignore[import-not-found, unused-ignore]

    try:
        torch.cuda.init()  # type: ignore[no-untyped-call, unused-ignore]
        device = torch.cuda.get_device_name(0)
        (torch.ones(2, device="cuda") + 1).sum().item()
    except (AssertionError, RuntimeError) as error:
        return {"device": "", "reason": str(error).partition("\n")[0].rstrip(".") or type(error).__name__}
    return {"device": device, "reason": ""}


def opencv() -> dict[str, Any]:
    """The version of OpenCV that is really imported, after a call into its library."""
    import cv2
    import numpy as np

    cv2.resize(np.zeros((4, 4, 3), np.uint8), (8, 8))
    return {"version": cv2.__version__}


def pose() -> dict[str, Any]:
    """Load the pose model of the package and run it on a small picture."""
    import mediapipe as mp
    import numpy as np

    with mp.solutions.pose.Pose(static_image_mode=True, model_complexity=1, enable_segmentation=True) as model:
        model.process(np.full((128, 128, 3), 127, np.uint8))
    return {"version": mp.__version__}


def media() -> dict[str, Any]:
    """Encode three frames with libx264 in memory and decode them again."""
    import av
    import numpy as np

    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as sink:
        stream = sink.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        for shade in (0, 90, 180):
            frame = av.VideoFrame.from_ndarray(np.full((64, 64, 3), shade, np.uint8), format="rgb24")
            sink.mux(stream.encode(frame))
        sink.mux(stream.encode())
    file.seek(0)
    with av.open(file, "r") as source:
        frames = len(list(source.decode(video=0)))
    return {"version": av.__version__, "ffmpeg": av.ffmpeg_version_info, "frames": frames}


def numba() -> dict[str, Any]:
    """Compile a small function and run it."""
    import numba

    total = numba.njit(lambda n: n * (n + 1) // 2)(4)
    return {"version": numba.__version__, "total": int(total)}


MARK = "reshoot-probe: "
"""The start of the line that holds the result, to tell it from what packages print."""

PROBES = {probe.__name__: probe for probe in (torch, opencv, pose, media, numba)}

if __name__ == "__main__":
    sys.stdout.write(f"\n{MARK}{json.dumps(PROBES[sys.argv[1]]())}\n")
