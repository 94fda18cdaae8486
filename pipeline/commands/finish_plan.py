"""python -m pipeline finish plan: drafts a plan from what is known about a clip, for people to edit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.commands.fetching import ClipFile, local_file
from pipeline.commands.finish_analyse import ChangesFile, TranscriptFile, read_changes
from pipeline.commands.options import Home, Shared
from pipeline.commands.running import check_place, running

if TYPE_CHECKING:
    from pipeline.finish.draft.drafting import Draft
    from pipeline.finish.film.plan import Plan
    from utils.media.clip import Clip

ServiceName = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="Where clips are looked for that the folder lacks: pexels. Its key is RESHOOT_BROLL_KEY; keywords of what "
        "stands out are sent there.",
    ),
]


PicturesFolder = Annotated[Path | None, typer.Option(help="A folder of pictures, matched by name with what is said.")]
Assignments = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="GROUP.KEY=VALUE", help="A setting of `analyse`, as silence.least_s=0.8, or of wanted."
    ),
]
FLAGS = (
    ("wanted.silences", "keep"), ("wanted.takes", "keep"), ("wanted.fillers", "keep"), ("wanted.subtitles", "marked"),
    ("wanted.subtitles", "none"), ("wanted.zoom", "none"), ("wanted.highlights", "same"),
)  # fmt: skip
"""What each flag of `plan` sets, in their order; the last one that sets something counts."""


def plan(
    clip: ClipFile,
    out: Annotated[Path, typer.Option("--out", "-o", help="The plan to write.")] = Path("plan.yaml"),
    transcript: TranscriptFile = None,
    changes: ChangesFile = None,
    broll: Annotated[Path | None, typer.Option(help="A folder of clips, matched by name with what is said.")] = None,
    broll_service: ServiceName = None,
    music: Annotated[Path | None, typer.Option(help="Music to be heard under the film.")] = None,
    logo: Annotated[Path | None, typer.Option(help="A picture for the upper right corner.")] = None,
    pictures: PicturesFolder = None,
    no_silences: Annotated[bool, typer.Option("--no-silences", help="Leave pauses in.")] = False,
    no_takes: Annotated[bool, typer.Option("--no-takes", help="Leave in what is said again.")] = False,
    no_fillers: Annotated[bool, typer.Option("--no-fillers", help="Leave filler words in.")] = False,
    no_subtitles: Annotated[bool, typer.Option("--no-subtitles", help="Show nothing of what is said.")] = False,
    no_zoom: Annotated[bool, typer.Option("--no-zoom", help="Leave the picture as large as it is.")] = False,
    no_highlights: Annotated[bool, typer.Option("--no-highlights", help="Show nothing larger for a moment.")] = False,
    karaoke: Annotated[bool, typer.Option("--karaoke", help="Mark each word while it is said.")] = False,
    language_model: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="Where a language model corrects the transcript, as for `analyse`."),
    ] = None,
    otio: Annotated[Path | None, typer.Option(help="Where to write the cuts for editing programs, an .otio.")] = None,
    assignments: Assignments = None,
    home: Home = None,
    shared: Shared = None,
) -> None:
    """Write a plan for a clip: what would be cut, shown and heard, for you to edit. It uses what `analyse` finds."""
    from pipeline.finish.draft.drafting import Materials, check_free, draft
    from pipeline.finish.draft.proposed import wishes
    from pipeline.finish.known.story import know
    from pipeline.finish.known.transcript import GivenFile
    from pipeline.finish.service.service import WITHOUT_KEY, client_of
    from pipeline.finish.settings import PlanSettings
    from pipeline.see.open_clip import open_clip
    from pipeline.settings import read_assignments
    from utils.store.shared.opening import use_shared

    use_shared(shared)
    check_place(Path(clip), out)
    check_free(out)
    flags = (no_silences, no_takes, no_fillers, karaoke, no_subtitles, no_zoom, no_highlights)
    wanted = {name: value for (name, value), is_said in zip(FLAGS, flags, strict=True) if is_said}
    settings = PlanSettings.load("", {**read_assignments(assignments or [], PlanSettings), **wanted})
    given, own = GivenFile.read(transcript) if transcript else None, read_changes(changes)
    client = client_of(broll_service) if broll_service else None
    materials = Materials(broll, music, logo, pictures, client)
    materials.check()
    with running(None, settings.flat(), home) as context:
        source = open_clip(local_file(clip, home), context)
        known = know(source, context, given, own, language_model)
        made = draft(known, materials, wishes(context.settings), out.absolute().parent, context)
        if broll_service and client is None:
            made = replace(made, remarks=(*made.remarks, f"{broll_service} is not asked for b-roll: {WITHOUT_KEY}"))
        _tell(made, source, made.write(out))
        if otio is not None:
            write_otio(made.plan, source, otio)


def write_otio(plan: Plan, clip: Clip, out: Path) -> None:
    """Write the cuts of a plan for editing programs."""
    from pipeline.finish.film.built import timeline_of
    from utils.atomic_file import explained, write_atomically
    from utils.film.otio import otio

    with explained(out):
        write_atomically(out, otio(timeline_of(plan, clip), clip))


def _tell(made: Draft, clip: Clip, written: tuple[Path, ...]) -> None:
    """Print what was planned, and where it lies."""
    from pipeline.finish.draft.told import sentences

    for line in (*sentences(made.plan, clip), *made.remarks):
        typer.echo(f"  {line}")
    typer.echo(f"Written: {', '.join(map(str, written))}.")
