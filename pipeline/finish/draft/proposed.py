"""The film that a job's settings ask for, without a plan: what is known about its clip, and what is wanted of it."""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.finish.draft.cutting import Reasons
from pipeline.finish.draft.drafting import Materials, Wishes, draft
from pipeline.finish.film.plan import Plan
from pipeline.finish.known.changes import Changes
from pipeline.finish.known.story import Known, know
from pipeline.finish.known.transcript import GivenFile
from pipeline.stage import RunContext
from pipeline.types import Event
from utils.media.clip import Clip


@dataclass(frozen=True)
class Proposed:
    """A plan, what it was drafted from, and what people should know of either."""

    known: Known
    plan: Plan
    events: tuple[Event, ...]


def proposed(clip: Clip, inputs: Mapping[str, Path], context: RunContext) -> Proposed:
    """Find out about a clip, and draft a plan; a transcript and people's own changes are among the inputs."""
    given = GivenFile.read(inputs["transcript"]) if "transcript" in inputs else None
    changes = Changes.read(inputs["changes"].read_bytes()) if "changes" in inputs else None
    known = know(clip, context, given, changes)
    made = draft(known, Materials(), wishes(context.settings), Path(tempfile.gettempdir()), context)
    said = {event.sentence for event in known.events}
    doubts = (Event("plan", remark, "warning") for remark in made.remarks if remark not in said)
    return Proposed(known, made.plan, (*known.events, *doubts))


def wishes(settings: Mapping[str, Any]) -> Wishes:
    """What of a film is wanted, by settings."""
    cut = {name: settings[f"wanted.{name}"] == "cut" for name in ("silences", "takes", "fillers")}
    return Wishes(
        Reasons(**cut),
        subtitles=settings["wanted.subtitles"] != "none",
        karaoke=settings["wanted.subtitles"] == "marked",
        zoom=settings["wanted.zoom"] != "none",
        punches=settings["wanted.highlights"] == "larger",
    )
