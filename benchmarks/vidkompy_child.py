"""Aligns a pair with vidkompy 1.2.5 and prints what it found as JSON; the Python that vidkompy is installed in runs it.

PYTHON benchmarks/vidkompy_child.py CLIPS, where CLIPS is JSON: for background and foreground path, size, rate, frames.
Its own reading of these facts needs ffprobe; here they are given, and everything else is its own.
"""

import contextlib
import json
import sys
import time
from importlib import import_module


def main() -> None:
    """Align, without composing."""
    logger = import_module("loguru").logger
    models = import_module("vidkompy.models")
    engines = import_module("vidkompy.core.alignment_engine")
    processors = import_module("vidkompy.core.video_processor")
    logger.remove()
    clips = [
        models.VideoInfo(
            each["width"], each["height"], each["rate"], each["seconds"], each["frames"], False, path=each["path"]
        )
        for each in json.loads(sys.argv[1])
    ]
    started = time.perf_counter()
    with contextlib.redirect_stdout(sys.stderr):
        engine = engines.AlignmentEngine(
            processor=processors.VideoProcessor(),
            verbose=False,
            max_keyframes=1,
            engine_mode="full",
            drift_interval=10,
            window=10,
        )
        place = engine._compute_spatial_alignment(*clips, "template", False)
        found = engine._compute_temporal_alignment(
            *clips, models.MatchTimeMode.PRECISE, models.TemporalMethod.CLASSIC, True, place, 8, 10
        )
    told = {
        "seconds": time.perf_counter() - started,
        "x": int(place.x_offset),
        "y": int(place.y_offset),
        "confidence": float(found.confidence),
        "pairs": [(int(each.fg_frame_idx), int(each.bg_frame_idx)) for each in found.frame_alignments],
    }
    sys.stdout.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    main()
