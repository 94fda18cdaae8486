"""What an align job leaves behind: the composed clip, the map, and what people check it by."""

from collections.abc import Iterator
from pathlib import Path

from pipeline.align.behind import BEHIND, Behind
from pipeline.align.behind import CLIP as BEHIND_CLIP
from pipeline.align.report.page import AlignReport
from pipeline.align.report.words import sentence_of
from pipeline.align.story import Aligned
from pipeline.kind import Outcome, Published
from pipeline.kinds import find_kind
from pipeline.result.document import deliver
from pipeline.result.names import CLIP
from pipeline.result.views import clip_facts, clip_figures, write_views
from pipeline.run import Run
from pipeline.stage import RunContext
from pipeline.types import Event
from utils.media.probe import Limits, scan
from utils.process_resources import peak_mb

TOLERANCE_S = 0.01667
"""Frames that may be off by more than this, twice their uncertainty included, are counted on the page."""


def outcome(made: Aligned, context: RunContext) -> Outcome:
    """The outcome of a run."""
    assert made.overlay is not None, "a job composes"
    return Outcome(made.overlay.manifest.bytes, lambda folder: _publish(made, context, folder))


def _publish(made: Aligned, context: RunContext, folder: Path) -> Published:
    """Write all files of the result into a folder; its page shows the clip beside its background alone."""
    run = Run(context)
    report = AlignReport.of(made.background, made.foreground, made.map, run.take)
    deliver(made.path, folder / CLIP, find_kind("align"), made.foreground, "", made.settings)
    report.write(folder)
    behind = run.take(BEHIND, behind=Behind.of(made.laid))
    result = scan(folder / CLIP, Limits())
    still = len(result) // 2
    copied = write_views(scan(behind.path(BEHIND_CLIP), Limits()), still, context, folder)
    numbers = {**report.numbers, "frames_in": len(made.foreground), "frames_out": len(result)}
    done = (*made.done, *run.done, *copied)
    events = [*made.events, *run.events, *_remarks(report)]
    seconds = made.seconds + run.seconds
    figures = clip_figures(made.foreground, done, seconds, events) | report.numbers
    facts = clip_facts(result, still, events, folder) | {"numbers": numbers, "alignment": report.told()}
    return Published(facts, figures | {"peak_rss_mb": round(peak_mb(), 1)})


def _remarks(report: AlignReport) -> Iterator[Event]:
    """What people should know of the whole alignment."""
    yield Event("align", sentence_of(report.frames.map, report.numbers))
    if off := report.drift.beyond(TOLERANCE_S):
        frames = f"{len(off)} frames" if len(off) > 1 else "One frame"
        yield Event("align", f"{frames} may be off by more than {1000 * TOLERANCE_S:.2f} ms, see the drift plot.")
