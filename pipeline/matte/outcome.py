"""What a matte job leaves behind: the matte in two forms, the clip that shows it, and what the page knows of it."""

import shutil
from pathlib import Path

from pipeline.kind import Outcome, Published
from pipeline.kinds import find_kind
from pipeline.matte.story import MATTE, PICTURES, FoundMatte
from pipeline.result.document import deliver, remedy
from pipeline.result.names import CLIP
from pipeline.result.views import clip_facts, clip_figures, write_views
from pipeline.stage import RunContext
from utils.atomic_file import explained, replacing
from utils.process_resources import peak_mb


def outcome(made: FoundMatte, context: RunContext) -> Outcome:
    """The outcome of a run."""
    return Outcome(made.files.manifest.bytes, lambda folder: _publish(made, context, folder))


def write_overlay(made: FoundMatte, out: Path) -> None:
    """Write the clip that shows the matte, with the settings of the job embedded."""
    deliver(made.overlay, out, find_kind("matte"), made.clip, "", made.settings)


def write_matte_file(made: FoundMatte, out: Path) -> None:
    """Write the matte: as pictures if the name ends in .zip, else as a video."""
    with explained(out, remedy(out)), replacing(out) as part:
        shutil.copyfile(made.files.path(PICTURES if out.suffix.lower() == ".zip" else MATTE), part)


def _publish(made: FoundMatte, context: RunContext, folder: Path) -> Published:
    """Write all files of the result into a folder."""
    clip, still = made.clip, _largest(made)
    write_overlay(made, folder / CLIP)
    for name in (MATTE, PICTURES):
        write_matte_file(made, folder / name)
    copied = write_views(clip, still, context, folder)
    counted = {name: made.facts[name] for name in ("frames_in", "frames_out", "audio_offset_ms")}
    numbers = {**counted, "detected_fraction": round(made.analysis.detected_fraction, 5)}
    seconds = made.seconds + sum(stage.seconds for stage in copied)
    figures = clip_figures(clip, (*made.done, *copied), seconds, made.events)
    facts = clip_facts(clip, still, made.events, folder) | {"numbers": numbers}
    return Published(facts, figures | {"peak_rss_mb": round(peak_mb(), 1)})


def _largest(made: FoundMatte) -> int:
    """The frame for the still: the one in which the person is largest."""
    areas = [box.size.area_px if box else 0 for box in made.analysis.boxes]
    return areas.index(max(areas))
