"""python -m pipeline finish analyse: finds out everything about a clip that finishing needs, once."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.commands.fetching import ClipFile, local_file
from pipeline.commands.options import Home, Shared
from pipeline.commands.running import running
from pipeline.commands.trimming import From, Part, To

if TYPE_CHECKING:
    from pipeline.finish.known.changes import Changes

TranscriptFile = Annotated[
    Path | None, typer.Option(help="What is said, as SRT, VTT or Whisper JSON; it is written down otherwise.")
]
ChangesFile = Annotated[
    Path | None, typer.Option(help="Words, cuts and focal points that you changed, as JSON; they always count.")
]


def analyse(
    clip: ClipFile,
    transcript: TranscriptFile = None,
    changes: ChangesFile = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="A folder to write known.json and the transcript into (SRT, VTT, ASS)."),
    ] = None,
    language_model: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="Where a language model corrects the transcript, as http://localhost:11434/v1; or "
            "RESHOOT_LANGUAGE_MODEL. Its name is --set correction.model=...; what is said is sent there.",
        ),
    ] = None,
    assignments: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="GROUP.KEY=VALUE", help="A setting of silence, speech, correction, retakes or seen."
        ),
    ] = None,
    begin: From = None,
    end: To = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
    home: Home = None,
    shared: Shared = None,
) -> None:
    """Find speech and pauses, words and their times, repeated takes, faces, cuts and loudness; each is cached."""
    from pipeline.finish.known.settings import KnownSettings
    from pipeline.finish.known.story import know
    from pipeline.finish.known.told import document, sentences, write
    from pipeline.finish.known.transcript import GivenFile
    from pipeline.see.open_clip import open_clip
    from pipeline.settings import read_assignments
    from utils.store.shared.opening import use_shared

    use_shared(shared)
    settings = KnownSettings.load("", dict(read_assignments(assignments or [], KnownSettings)))
    given = GivenFile.read(transcript) if transcript else None
    made_by_people = read_changes(changes)
    part, file_of_clip = Part.read(begin, end), local_file(clip, home)
    with running(None, settings.flat(), home) as context:
        context = part.of(file_of_clip, context)
        known = know(open_clip(file_of_clip, context), context, given, made_by_people, language_model)
        if out is not None:
            write(known, out)
        said = json.dumps(document(known), ensure_ascii=False) if as_json else "\n".join(sentences(known))
    typer.echo(said)


def read_changes(path: Path | None) -> "Changes | None":
    """The changes in a file, if one is named."""
    from pipeline.finish.known.changes import Changes
    from utils.errors import SettingsError

    if path is None:
        return None
    try:
        return Changes.read(path.read_bytes())
    except OSError as error:
        problem = f"The changes in {path.name!r} cannot be read ({error.strerror})."
        raise SettingsError(problem, "Check the name and permissions of the file.") from error
