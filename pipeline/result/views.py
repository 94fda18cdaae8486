"""What a page shows of any result that is a clip: playable copies of source and result, a still, and facts."""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipeline.preview.web_copies import CLIP as COPY
from pipeline.preview.web_copies import COPY_OF_RESULT, COPY_OF_SOURCE, is_page_size, write_poster
from pipeline.result.names import AFTER, BEFORE, CLIP, POSTER
from pipeline.result.spent import Spent
from pipeline.stage import RunContext, Stage
from pipeline.types import Done, Event
from utils.media.clip import Clip
from utils.media.probe import Limits, scan

UNHEARD = ("ac3", "eac3", "alac")
"""Audio codecs that are copied into a result unchanged, and that most browsers cannot play."""


def write_views(clip: Clip, still: int, context: RunContext, folder: Path) -> list[Done]:
    """Write a copy of the source, one of the result if it is too large for a page, and a still; returns the stages.

    The result lies in the folder already, frame for frame as long as the source.
    """
    result = scan(folder / CLIP, Limits())
    views = [(COPY_OF_SOURCE, clip, folder / BEFORE)]
    if not is_page_size(result.size):
        views.append((COPY_OF_RESULT, result, folder / AFTER))
    done = [_copied(stage, of, context, path) for stage, of, path in views]
    write_poster(folder / CLIP, clip.time_s(still), clip, folder / POSTER)
    return done


def write_result_views(result: Clip, still: int, context: RunContext, folder: Path) -> list[Done]:
    """Write a still, and a copy of a result that is too large for a page; what it is compared with lies there."""
    large = not is_page_size(result.size)
    done = [_copied(COPY_OF_RESULT, result, context, folder / AFTER)] if large else []
    write_poster(folder / CLIP, result.time_s(still), result, folder / POSTER)
    return done


def _copied(stage: Stage, clip: Clip, context: RunContext, path: Path) -> Done:
    start = time.perf_counter()
    with stage.result(context, clip=clip) as entry:
        shutil.copyfile(entry.path(COPY), path)
        about = entry.manifest
        return Done(stage.name, time.perf_counter() - start, entry.hit, about.bytes, about.seconds)


def clip_facts(clip: Clip, still: int, events: Sequence[Event], folder: Path) -> dict[str, Any]:
    """The facts that the page of a result needs to play it beside its source."""
    return {
        "width": clip.size.width_px,
        "height": clip.size.height_px,
        "frames": len(clip),
        "fps": float(clip.rate),
        "times_s": None if clip.constant_rate else [float(clip.time_s(index)) for index in clip.span],
        "duration_s": float(clip.duration_s),
        "sound": clip.audio.codec if clip.audio else None,
        "delay_s": max(0.0, -float(clip.audio.start_s)) if clip.audio else 0.0,
        "heard": clip.audio is not None and clip.audio.codec not in UNHEARD,
        "still": still,
        "before": BEFORE,
        "after": AFTER if (folder / AFTER).exists() else CLIP,
        "warnings": warnings(events),
        "notes": [*clip.notes, *(event.sentence for event in events if event.level != "warning")],
    }


def clip_figures(clip: Clip, done: Sequence[Done], seconds: float, events: Sequence[Event]) -> dict[str, Any]:
    """The figures of a result that the ledger keeps, whatever the kind of the job."""
    stages = [stage.to_json() for stage in done]
    return {
        "frames": len(clip),
        "width": clip.size.width_px,
        "height": clip.size.height_px,
        "fps": float(clip.rate),
        "seconds": round(seconds, 2),
        "cached": sum(stage["cache"] == "hit" for stage in stages),
        **Spent.of(done).figures(),
        "stages": [{name: stage[name] for name in ("name", "seconds", "cache")} for stage in stages],
        "warnings": warnings(events),
    }


def warnings(events: Sequence[Event]) -> list[str]:
    """The sentences of the events that are warnings."""
    return [event.sentence for event in events if event.level == "warning"]
