"""What a restyle job leaves behind: the finished clip, its report, and what the page and the ledger know of it."""

from pathlib import Path
from typing import Any

from pipeline.kind import Outcome, Published
from pipeline.kinds import find_kind
from pipeline.report.journey import Journey
from pipeline.report.report import report, to_json
from pipeline.report.sureness import sureness_in_words
from pipeline.result.document import deliver, remedy
from pipeline.result.names import CLIP
from pipeline.result.views import clip_facts, clip_figures, write_views
from pipeline.stage import RunContext
from utils.atomic_file import explained, write_atomically
from utils.errors import WriteError


def outcome(journey: Journey, context: RunContext, preset: str) -> Outcome:
    """The outcome of a run."""
    return Outcome(journey.encoded.entry.manifest.bytes, lambda folder: _publish(journey, context, preset, folder))


def write_clip(journey: Journey, out: Path, preset: str) -> None:
    """Write the finished clip to `out`, with its settings embedded."""
    deliver(journey.encoded.path, out, find_kind("restyle"), journey.clip, preset, journey.settings)


def write_report(journey: Journey, numbers: dict[str, Any], folder: Path) -> None:
    """Write the report page, its numbers, the camera paths and the contact sheet; creates the folder if needed."""
    from pipeline.report.page import page

    sheet, stable = journey.measured.sheet, journey.stable
    contents: dict[str, str | bytes] = {
        "report.json": to_json(numbers),
        "report.html": page(numbers, sheet),
        "camera.json": stable.camera.to_json(),
        "stable.json": stable.path.to_json(),
        "sheet.jpg": sheet,
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WriteError(
            f"The folder {str(folder)!r} could not be made: {error.strerror}.", "Give --report another folder."
        ) from error
    for name, content in contents.items():
        with explained(folder / name, remedy(folder / name)):
            write_atomically(folder / name, content)


def _publish(journey: Journey, context: RunContext, preset: str, folder: Path) -> Published:
    """Write all files of the result into a folder."""
    numbers, still = report(journey), _telling(journey)
    write_clip(journey, folder / CLIP, preset)
    write_report(journey, numbers, folder)
    copied = write_views(journey.clip, still, context, folder)
    sure = [{"verdict": verdict, "sentence": each} for verdict, each in sureness_in_words(numbers["sureness"])]
    facts = clip_facts(journey.clip, still, journey.events, folder) | {"numbers": _numbers(numbers), "sureness": sure}
    seconds = journey.seconds + sum(stage.seconds for stage in copied)
    figures = clip_figures(journey.clip, (*journey.done, *copied), seconds, journey.events)
    return Published(
        facts, figures | {"peak_rss_mb": numbers["peak_rss_mb"]} | journey.making.card_figures() | _measures(numbers)
    )


def _telling(journey: Journey) -> int:
    """The frame for the still: the middle of the time in which the person stands, else the middle of the clip."""
    holds = [segment.span for segment in journey.segments.all if segment.name == "hold"]
    return (holds[0].start + holds[-1].stop) // 2 if holds else len(journey.clip) // 2


def _numbers(report: dict[str, Any]) -> dict[str, Any]:
    """The numbers of a report that the page of the result shows."""
    return {
        **{name: report[name] for name in ("frames_in", "frames_out", "audio_offset_ms", "edit_magnitude")},
        **{name: report[name] for name in ("seam_ratio", "colour_drift", "flicker_hold")},
        "slide_px": {name: report["slide_px"][name] for name in ("before", "after", "locked")},
        "warp_ratio": report["warp_error"]["ratio"],
        "detected_fraction": report["subject"]["detected_fraction"],
        **{name: report["camera"][name] for name in ("jerk_before", "jerk_after")},
    }


def _measures(report: dict[str, Any]) -> dict[str, Any]:
    """The measures by which the dashboard compares jobs."""
    return {
        "slide_px": report["slide_px"]["after"],
        "warp_ratio": report["warp_error"]["ratio"],
        **{name: report[name] for name in ("seam_ratio", "colour_drift", "edit_magnitude")},
    }
