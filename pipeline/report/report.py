"""The report of a run, as plain values for report.json: all numbers, events and provenance."""

import json
import platform
from collections.abc import Iterator
from importlib.metadata import version
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.plan.stable_path import jerks_px
from pipeline.report.journey import Journey
from pipeline.report.sureness import sureness
from utils.image.geometry import Matrix, Points, moved, steps_after
from utils.media.clip import Clip
from utils.process_resources import peak_mb

SCHEMA = 3
"""Grows whenever the form of report.json changes."""
TOOLS = ("av", "mediapipe", "numpy", "opencv-contrib-python", "scipy")


def report(journey: Journey) -> dict[str, Any]:
    """The content of report.json; the report page is drawn from it alone."""
    numbers, facts = journey.measured.numbers, journey.encoded.facts
    return {
        "schema": SCHEMA,
        "clip": _clip(journey.clip),
        **{name: facts[name] for name in ("frames_in", "frames_out", "fps", "audio_offset_ms")},
        "camera": _camera(journey),
        "segments": journey.segments.facts["segments"],
        "windows": list(_windows(journey)),
        "sureness": sureness(journey),
        "subject": {"detected_fraction": round(journey.stable.analysis.detected_fraction, 5)},
        "plate": {"seen_fraction": round(journey.plates.seen_fraction, 5) if journey.plates else None},
        "contacts": [
            {"foot": each.foot, "part": each.part, "start": each.span.start, "stop": each.span.stop}
            for each in journey.contacts.all
        ],
        "slide_px": _slide(journey.feet.facts, numbers["slide"]),
        **{
            name: numbers[name]
            for name in ("warp_error", "flicker_hold", "seam_ratio", "colour_drift", "edit_magnitude")
        },
        "warp_errors": numbers["warp_errors"],
        "seconds": round(journey.seconds, 2),
        "stages": [each.to_json() for each in journey.done],
        "making": journey.making.to_json(),
        "peak_rss_mb": round(peak_mb(), 1),
        "events": [{"stage": each.stage, "level": each.level, "sentence": each.sentence} for each in journey.events],
        "provenance": _provenance(journey),
    }


def _clip(clip: Clip) -> dict[str, Any]:
    """What the clip is, and which frames of its file were used: all frame numbers count from the first of these."""
    used = {"start": clip.start, "stop": clip.start + len(clip), "frames_in_file": len(clip.of_file)}
    return {"name": clip.path.name, "size": list(clip.size), "notes": list(clip.notes), "used": used}


def _camera(journey: Journey) -> dict[str, Any]:
    """Jerk and path of the camera, as filmed and stabilized, in px of the frame."""
    camera, stable = journey.stable.camera, journey.stable.path
    before, after = jerks_px(camera, stable)
    middle = (np.array(camera.size)[None] - 1) / 2
    resting = np.median([moved(each, middle)[0] for each in stable.matrices], axis=0)[None]
    paths = {
        "before": _path_px(camera.steps, middle),
        "after": _path_px(steps_after(camera.steps, stable.matrices), resting),
    }
    return {
        "jerk_before": before,
        "jerk_after": after,
        "roundtrip_psnr": journey.measured.numbers["roundtrip_psnr"],
        "crop": journey.measured.numbers["crop"],
        "confidence": round(float(camera.confidence.mean()), 4),
        "canvas": list(stable.canvas),
        "cuts": list(camera.breaks),
        "path_px": {name: np.round(path, 3).tolist() for name, path in paths.items()},
    }


def _path_px(steps: Matrix, point: Points) -> NDArray[np.float64]:
    """The way of the camera, n x 2 px from its start: the sum of how far it looks aside from frame to frame."""
    return np.cumsum([moved(step, point)[0] - point[0] for step in steps], axis=0)


def _slide(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """The slide of planted feet as generated and in the finished clip, in px of the background picture."""
    before = before if before["locked"] else {**before, **after}
    generated = {(each["foot"], each["part"], each["start"]): each["px"] for each in before["contacts"]}
    contacts = [
        {**each, "before": generated.get((each["foot"], each["part"], each["start"])), "after": each["px"]}
        for each in after["contacts"]
    ]
    return {
        "before": before["mean"],
        "after": after["mean"],
        "p95_before": before["p95"],
        "p95_after": after["p95"],
        "leg_percent_after": after["leg_percent"],
        "found_frames": after["found_frames"],
        "contact_frames": after["contact_frames"],
        "refused": before["refused"],
        "locked": before["locked"],
        "contacts": [{name: value for name, value in each.items() if name != "px"} for each in contacts],
    }


def _windows(journey: Journey) -> Iterator[dict[str, Any]]:
    for window in journey.frames.windows:
        plan = window.plan
        yield {
            "segment": plan.segment, "start": plan.span.start, "stop": plan.span.stop, "overlap": plan.overlap,
            "box": list(plan.box), "colour_locked": window.colours_locked, "fallbacks": window.facts["fallbacks"],
        }  # fmt: skip


def _provenance(journey: Journey) -> dict[str, Any]:
    engines = [window.facts["provenance"] for window in journey.frames.windows]
    return {
        "clip_digest": journey.clip.of_file.digest,
        "settings": dict(journey.settings),
        "engine": engines[0] if engines else {"engine": journey.engine.name},
        "tools": {name: version(name) for name in TOOLS} | {"python": platform.python_version()},
        "machine": {"system": platform.platform(), "processor": platform.machine()},
    }


def to_json(report: dict[str, Any]) -> str:
    """The text of report.json."""
    return json.dumps(report, indent=1, allow_nan=False)
