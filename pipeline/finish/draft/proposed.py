"""The film that a job's settings ask for, without a plan: what is known about its clip, and what is wanted of it."""

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.finish.draft.cutting import Reasons
from pipeline.finish.draft.drafting import Materials, Wishes, draft
from pipeline.finish.draft.shelf import Item
from pipeline.finish.film.kept import kept_here
from pipeline.finish.film.plan import Plan
from pipeline.finish.known.changes import Changes
from pipeline.finish.known.story import Known, know
from pipeline.finish.known.transcript import GivenFile
from pipeline.finish.settings import LISTS, listed
from pipeline.stage import RunContext
from pipeline.types import Event
from utils.digest import digest_file
from utils.media.clip import Clip


@dataclass(frozen=True)
class Proposed:
    """A plan, what it was drafted from, and what people should know of either."""

    known: Known
    plan: Plan
    events: tuple[Event, ...]


Named = Callable[[Path], str]
"""How a plan names a file that lies somewhere."""


def proposed(clip: Clip, inputs: Mapping[str, Path], context: RunContext, named: Named = digest_file) -> Proposed:
    """Find out about a clip, and draft a plan; a transcript and people's own changes are among the inputs."""
    given = GivenFile.read(inputs["transcript"]) if "transcript" in inputs else None
    changes = Changes.read(inputs["changes"].read_bytes()) if "changes" in inputs else None
    known = know(clip, context, given, changes)
    materials = added(inputs, context.settings, named)
    made = draft(known, materials, wishes(context.settings), Path(tempfile.gettempdir()), context)
    said = {event.sentence for event in known.events}
    doubts = (Event("plan", remark, "warning") for remark in made.remarks if remark not in said)
    return Proposed(known, made.plan, (*known.events, *doubts))


def added(inputs: Mapping[str, Path], settings: Mapping[str, Any], named: Named) -> Materials:
    """The files that were given for a film."""

    def item(path: Path, title: str) -> Item:
        return Item(path, title, named(path))

    broll, pictures = (
        tuple(item(kept_here(digest, content), title) for digest, title in listed(settings[name]).items())
        for name, content in LISTS.items()
    )
    music, logo = (item(inputs[role], role) if role in inputs else None for role in ("music", "logo"))
    return Materials(broll, music, logo, pictures)


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
