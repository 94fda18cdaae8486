"""Drafting a plan: what is known about a clip, and the files that people have, put together: `draft`."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from os.path import relpath
from pathlib import Path

from pipeline.finish.draft.broll import Shelf
from pipeline.finish.draft.cutting import Reasons, cues_left, cuts_of, gone_words
from pipeline.finish.draft.looking import zoom_of
from pipeline.finish.draft.offered import Offered
from pipeline.finish.film.built import timeline_of
from pipeline.finish.film.plan import Between, Broll, Cut, MusicPlan, Picture, Plan, Subtitles, about, write_plan
from pipeline.finish.known.story import Known
from pipeline.finish.service.service import Client
from pipeline.run import Run
from pipeline.see.open_clip import open_clip
from pipeline.stage import RunContext
from utils.atomic_file import explained, write_atomically
from utils.errors import ClipError, SettingsError
from utils.media.clip import Clip
from utils.speech.words import Cue, Transcript

LEFT, TOP, WIDTH = 0.83, 0.04, 0.13
"""Where a logo is seen, and how large it is, as shares of the picture."""


@dataclass(frozen=True)
class Materials:
    """The files that a plan is made with; any can be missing."""

    broll: Path | None = None
    music: Path | None = None
    logo: Path | None = None
    service: Client | None = None
    """A service of b-roll that is asked for what the folder has nothing for."""

    def check(self) -> None:
        """Refuse what is not there, before anything is computed."""
        for option, path in (("--music", self.music), ("--logo", self.logo)):
            if path is not None and not path.is_file():
                raise SettingsError(f"There is no file {str(path)!r}.", f"Correct {option}, or leave it out.")
        if self.broll is not None and not self.broll.is_dir():
            raise SettingsError(f"There is no folder {str(self.broll)!r}.", "Give --broll a folder with clips.")


@dataclass(frozen=True)
class Wishes:
    """What of a film is wanted."""

    cuts: Reasons = field(default_factory=Reasons)
    subtitles: bool = True
    karaoke: bool = False
    zoom: bool = True
    punches: bool = True


@dataclass(frozen=True)
class Draft:
    """A plan whose subtitles stand in it, and what people should know of it."""

    plan: Plan
    remarks: tuple[str, ...] = ()

    def write(self, path: Path) -> tuple[Path, ...]:
        """Write the plan, and its subtitles beside it; both files. What people made of another draft is left alone."""
        check_free(path)
        said, plan = _said(path), self.plan
        if plan.subtitles is None:
            write_plan(path, plan)
            return (path,)
        with explained(said):
            write_atomically(said, plan.subtitles.cues)
        named = plan.subtitles.model_copy(update={"file": said.name, "cues": ""})
        write_plan(path, plan.model_copy(update={"subtitles": named}))
        return path, said


def draft(known: Known, materials: Materials, wishes: Wishes, folder: Path, context: RunContext) -> Draft:
    """A plan whose files are named relative to the folder where it will lie."""
    remarks = [event.sentence for event in known.events]
    gone = gone_words(known, wishes.cuts)
    cuts = cuts_of(known, wishes.cuts, gone)
    cues = cues_left(known, gone) if wishes.subtitles else ()
    broll = _broll(known, cuts, materials, folder, context, remarks)
    made = Plan(
        clip=about(known.clip),
        cut=cuts,
        speech=_speech(known),
        zoom=zoom_of(known, cuts, punch=wishes.punches) if wishes.zoom else None,
        broll=broll,
        pictures=(Picture(file=_named(materials.logo, folder), left=LEFT, top=TOP, width=WIDTH),)
        if materials.logo
        else (),
        subtitles=Subtitles(cues=said_text(known, cues), karaoke=wishes.karaoke) if cues else None,
        music=MusicPlan(file=_named(materials.music, folder)) if materials.music else None,
    )
    return Draft(made, (*remarks, *_doubts(made, known.clip)))


def _broll(
    known: Known, cuts: Sequence[Cut], materials: Materials, folder: Path, context: RunContext, remarks: list[str]
) -> tuple[Broll, ...]:
    """B-roll of the folder, then of the service, in the order of the film."""
    taken, covered = tuple[Broll, ...](), set[str]()
    if materials.broll:
        shelf = Shelf(materials.broll, _opener(context), remarks)
        taken, covered = shelf.chosen(known, cuts, lambda path: _named(path, folder)), shelf.words
    if materials.service:
        offered = Offered(materials.service, folder, Run(context), remarks)
        taken += offered.chosen(known, cuts, taken, covered)
    return tuple(sorted(taken, key=lambda each: each.at_s))


def check_free(path: Path) -> None:
    """Refuse to write a plan over one that people may have edited."""
    for each in (path, _said(path)):
        if each.exists():
            raise SettingsError(f"There is {str(each)!r} already.", "Name another --out, or delete that file.")


def said_text(known: Known, cues: tuple[Cue, ...]) -> str:
    """Cues as JSON that people correct: a line for each, its text first; words keep their times."""
    told = Transcript(known.transcript.language, cues, known.transcript.source).to_json()
    rows = [json.dumps({"text": cue["text"], **cue}, ensure_ascii=False) for cue in told.pop("cues")]
    return json.dumps(told, ensure_ascii=False)[:-1] + ', "cues": [\n' + ",\n".join(rows) + "\n]}\n"


def _said(plan: Path) -> Path:
    """Where the subtitles of a plan lie."""
    return plan.with_name(f"{plan.stem}.said.json")


def _speech(known: Known) -> tuple[Between, ...] | None:
    """Where somebody speaks; nothing where nobody is known to."""
    spans = known.silences.speech
    return tuple(Between(from_s=first / 1000, to_s=last / 1000) for first, last in spans if last > first) or None


def _doubts(plan: Plan, clip: Clip) -> list[str]:
    try:
        timeline_of(plan, clip)
    except ClipError as error:
        return [f"{error.problem} {error.remedy}"]
    return []


def _opener(context: RunContext) -> Callable[[Path], Clip]:
    bare = replace(context, settings={})
    return lambda path: open_clip(path, bare)


def _named(path: Path, folder: Path) -> str:
    """A file's name in a plan: relative where it lies within its folder."""
    whole = path.absolute()
    return relpath(whole, folder) if whole.is_relative_to(folder) else str(whole)
