"""What a page shows of a result: playable copies of source and result, a still, and its numbers."""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipeline.jobs.job import Job
from pipeline.jobs.results import AFTER, BEFORE, CLIP, POSTER
from pipeline.preview.web_copies import CLIP as COPY
from pipeline.preview.web_copies import COPY_OF_RESULT, COPY_OF_SOURCE, is_page_size, write_poster
from pipeline.report.journey import Journey
from pipeline.stage import RunContext, Stage
from pipeline.types import Done
from utils.media.clip import Clip
from utils.media.probe import Limits, scan

FORMAT = 1
UNHEARD = ("ac3", "eac3", "alac")
"""Audio codecs that are copied into a result unchanged, and that most browsers cannot play."""


def write_views(journey: Journey, context: RunContext, folder: Path) -> list[Done]:
    """Write a copy of the source, one of the result if it is too large for a page, and a still; returns the stages."""
    result, clip = folder / CLIP, journey.clip
    views = [(COPY_OF_SOURCE, clip, folder / BEFORE)]
    if not is_page_size(clip.size):
        views.append((COPY_OF_RESULT, scan(result, Limits()), folder / AFTER))
    done = [_copied(stage, of, context, path) for stage, of, path in views]
    write_poster(result, clip.time_s(_telling(journey)), clip, folder / POSTER)
    return done


def _copied(stage: Stage, clip: Clip, context: RunContext, path: Path) -> Done:
    start = time.perf_counter()
    with stage.result(context, clip=clip) as entry:
        shutil.copyfile(entry.path(COPY), path)
        return Done(stage.name, time.perf_counter() - start, entry.hit, entry.manifest.bytes)


def _telling(journey: Journey) -> int:
    """The frame for the still: the middle of the time in which the person stands, else the middle of the clip."""
    holds = [segment.span for segment in journey.segments.all if segment.name == "hold"]
    return (holds[0].start + holds[-1].stop) // 2 if holds else len(journey.clip) // 2


def facts(job: Job, journey: Journey, report: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Everything that the page of a result needs besides its files; `report` holds its numbers."""
    clip = journey.clip
    return {
        "format": FORMAT,
        "title": job.order.title,
        "preset": job.order.preset,
        "look": journey.settings["generate.look"],
        "settings": dict(job.order.settings),
        "width": clip.size.width_px,
        "height": clip.size.height_px,
        "frames": report["frames_out"],
        "fps": float(clip.rate),
        "times_s": None if clip.constant_rate else [float(clip.time_s(index)) for index in clip.span],
        "duration_s": float(clip.duration_s),
        "sound": clip.audio.codec if clip.audio else None,
        "delay_s": max(0.0, -float(clip.audio.start_s)) if clip.audio else 0.0,
        "heard": clip.audio is not None and clip.audio.codec not in UNHEARD,
        "still": _telling(journey),
        "before": BEFORE,
        "after": AFTER if (folder / AFTER).exists() else CLIP,
        "warnings": _warnings(report),
        "notes": [*clip.notes, *(event["sentence"] for event in report["events"] if event["level"] != "warning")],
        "numbers": {
            **{name: report[name] for name in ("frames_in", "frames_out", "audio_offset_ms", "edit_magnitude")},
            **{name: report[name] for name in ("seam_ratio", "colour_drift", "flicker_hold")},
            "slide_px": {name: report["slide_px"][name] for name in ("before", "after", "locked")},
            "warp_ratio": report["warp_error"]["ratio"],
            "detected_fraction": report["subject"]["detected_fraction"],
            **{name: report["camera"][name] for name in ("jerk_before", "jerk_after")},
        },
    }


def figures(journey: Journey, report: dict[str, Any], views: Sequence[Done]) -> dict[str, Any]:
    """The figures of a result that the ledger keeps, for estimates of other jobs and for the dashboard."""
    stages = [stage.to_json() for stage in (*journey.done, *views)]
    return {
        "look": journey.settings["generate.look"],
        "frames": report["frames_out"],
        "width": journey.clip.size.width_px,
        "height": journey.clip.size.height_px,
        "fps": float(journey.clip.rate),
        "seconds": round(journey.seconds + sum(view.seconds for view in views), 2),
        "cached": sum(stage["cache"] == "hit" for stage in stages),
        "stages": [{name: stage[name] for name in ("name", "seconds", "cache")} for stage in stages],
        "peak_rss_mb": report["peak_rss_mb"],
        "slide_px": report["slide_px"]["after"],
        "warp_ratio": report["warp_error"]["ratio"],
        "seam_ratio": report["seam_ratio"],
        "colour_drift": report["colour_drift"],
        "edit_magnitude": report["edit_magnitude"],
        "warnings": _warnings(report),
    }


def _warnings(report: dict[str, Any]) -> list[str]:
    return [event["sentence"] for event in report["events"] if event["level"] == "warning"]
