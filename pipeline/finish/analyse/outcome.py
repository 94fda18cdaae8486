"""What an analyse job leaves behind: all that is known, the plan that it proposes, and a copy of the clip to watch."""

import json
import shutil
from pathlib import Path

import numpy as np

from pipeline.finish.analyse.kind import DRAFT, KNOWN, LEVELS, PLAN
from pipeline.finish.draft.proposed import Proposed
from pipeline.finish.draft.told import sentences as of_plan
from pipeline.finish.known.hearing import HeardSound
from pipeline.finish.known.told import document, sentences, write
from pipeline.kind import Outcome, Published
from pipeline.preview.web_copies import CLIP as COPY
from pipeline.preview.web_copies import COPY_TO_SCRUB, write_poster
from pipeline.result.names import CLIP, POSTER
from pipeline.result.views import clip_facts, clip_figures
from pipeline.run import Run
from pipeline.stage import RunContext
from utils.process_resources import peak_mb

LEVELS_PER_BYTE = 2
"""Levels of 10 ms that share a byte of the waveform: 50 bytes a second."""
LEAST_DB = 1e-6


def outcome(found: Proposed, context: RunContext) -> Outcome:
    """The outcome of a run; the clip that is copied is hardly larger than its source."""
    return Outcome(found.known.clip.path.stat().st_size, lambda folder: _publish(found, context, folder))


def waveform(sound: HeardSound) -> bytes:
    """A byte for every 20 ms of a clip: its level as an amplitude, 255 for the loudest."""
    db = np.asarray(sound.levels, np.float64)
    if not len(db):
        return b""
    padded = np.pad(db, (0, -len(db) % LEVELS_PER_BYTE), constant_values=db.min())
    amplitude = 10 ** (padded.reshape(-1, LEVELS_PER_BYTE).max(axis=1) / 20)
    return bytes(np.rint(255 * amplitude / max(LEAST_DB, amplitude.max())).astype(np.uint8))


def _publish(found: Proposed, context: RunContext, folder: Path) -> Published:
    """Write all files of the result into a folder."""
    known, clip = found.known, found.known.clip
    run = Run(context)
    with run.take(COPY_TO_SCRUB, clip=clip) as entry:
        shutil.copyfile(entry.path(COPY), folder / CLIP)
    still = len(clip) // 2
    write_poster(folder / CLIP, clip.time_s(still), clip, folder / POSTER)
    write(known, folder)
    (folder / KNOWN).write_text(json.dumps(document(known), ensure_ascii=False))
    (folder / PLAN).write_text(found.plan.to_yaml())
    (folder / DRAFT).write_text(json.dumps(found.plan.model_dump(mode="json"), ensure_ascii=False))
    (folder / LEVELS).write_bytes(waveform(known.sound) if known.sound.audible else b"")
    done, seconds = (*known.done, *run.done), known.seconds + run.seconds
    facts = clip_facts(clip, still, found.events, folder) | {"before": CLIP, "numbers": {}}
    facts["notes"] = [*dict.fromkeys([*of_plan(found.plan, clip), *sentences(known), *facts["notes"]])]
    figures = clip_figures(clip, done, seconds, found.events)
    return Published(facts, figures | {"peak_rss_mb": round(peak_mb(), 1)})
