"""Drafting a plan: what is known about a clip, and the files that people have, put together: `draft`."""

import json
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from os.path import relpath
from pathlib import Path

from pipeline.finish.draft.cutting import Reasons, cues_left, cuts_of, gone_words
from pipeline.finish.draft.looking import zoom_of
from pipeline.finish.draft.mentions import broll_at, picture_at
from pipeline.finish.draft.offered import Offered
from pipeline.finish.draft.shelf import PICTURES, VIDEOS, Item, Shelf, in_folder
from pipeline.finish.film.built import timeline_of
from pipeline.finish.film.plan import Between, Broll, Cut, MusicPlan, Picture, Plan, Subtitles, about, write_plan
from pipeline.finish.known.story import Known
from pipeline.finish.service.service import Client
from pipeline.run import Run
from pipeline.see.open_clip import open_clip
from pipeline.stage import RunContext
from utils.atomic_file import explained, write_atomically
from utils.errors import ClipError, SettingsError
from utils.image.picture_file import read_picture
from utils.media.clip import Clip
from utils.speech.words import Cue, Transcript

LEFT, TOP, WIDTH = 0.83, 0.04, 0.13
"""Where a logo is seen, and how large it is, as shares of the picture."""


Material = Path | Item
"""A file: by its path, which plans name relative to themselves, or as plans name it."""


@dataclass(frozen=True)
class Materials:
    """The files that a plan is made with; any can be missing."""

    broll: Path | tuple[Item, ...] | None = None
    music: Material | None = None
    logo: Material | None = None
    pictures: Path | tuple[Item, ...] | None = None
    service: Client | None = None
    """A service of b-roll that is asked for what the folder has nothing for."""

    def check(self) -> None:
        """Refuse what is not there, before anything is computed."""
        for option, path in (("--music", self.music), ("--logo", self.logo)):
            if isinstance(path, Path) and not path.is_file():
                raise SettingsError(f"There is no file {str(path)!r}.", f"Correct {option}, or leave it out.")
        for option, folder, what in (("--broll", self.broll, "clips"), ("--pictures", self.pictures, "pictures")):
            if isinstance(folder, Path) and not folder.is_dir():
                raise SettingsError(f"There is no folder {str(folder)!r}.", f"Give {option} a folder with {what}.")


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
    pictures = _pictures(known, cuts, broll, materials, folder, remarks)
    made = Plan(
        clip=about(known.clip),
        cut=cuts,
        speech=_speech(known),
        zoom=zoom_of(known, cuts, punch=wishes.punches) if wishes.zoom else None,
        broll=broll,
        pictures=pictures,
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
        place, items = _items(materials.broll, VIDEOS, folder)
        shelf = Shelf("b-roll", place, items, _opener(context), remarks)
        found, covered = shelf.chosen(known, cuts), shelf.words
        taken = tuple(broll_at(mention, known, item.name, float(clip.duration_s)) for mention, item, clip in found)
    if materials.service:
        offered = Offered(materials.service, folder, Run(context), remarks)
        taken += offered.chosen(known, cuts, taken, covered)
    return tuple(sorted(taken, key=lambda each: each.at_s))


def _pictures(
    known: Known, cuts: Sequence[Cut], broll: Sequence[Broll], materials: Materials, folder: Path, remarks: list[str]
) -> tuple[Picture, ...]:
    """The logo, and pictures at words of their names where no b-roll is near."""
    shown = list[Picture]()
    if materials.logo:
        shown.append(Picture(file=_named(materials.logo, folder), left=LEFT, top=TOP, width=WIDTH))
    if materials.pictures:
        place, items = _items(materials.pictures, PICTURES, folder)
        found = Shelf("picture", place, items, read_picture, remarks).chosen(known, cuts, [at.at_s for at in broll])
        shown += [picture_at(mention, known, item.name) for mention, item, _ in found]
    return tuple(shown)


def _items(given: Path | tuple[Item, ...], suffixes: Collection[str], folder: Path) -> tuple[str, tuple[Item, ...]]:
    """The files of a folder that can be chosen, or those that were added; and where they are from, for people."""
    if isinstance(given, Path):
        return f"of {given.name!r}", in_folder(given, suffixes, lambda path: _named(path, folder))
    return "that was added", given


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


def _named(path: Material, folder: Path) -> str:
    """A file's name in a plan: relative where it lies within its folder."""
    if isinstance(path, Item):
        return path.name
    whole = path.absolute()
    return relpath(whole, folder) if whole.is_relative_to(folder) else str(whole)
