"""python -m pipeline keys: proposes the frames of a clip to paint, and writes them into a folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.commands.fetching import ClipFile, local_file
from pipeline.commands.options import Home, Matte, References, Shared, Strokes, Subject, reference_settings
from pipeline.commands.running import PRESET_HELP, overridden, running, saved_preset
from pipeline.commands.trimming import From, Part, To

if TYPE_CHECKING:
    from pipeline.keys.story import Proposed
    from utils.paintings.key_set import KeySet


def keys(
    clip: ClipFile,
    out: Annotated[Path, typer.Option("--out", "-o", help="The folder to write, which must be new or empty.")],
    as_filmed: Annotated[
        bool, typer.Option("--as-filmed", help="Frames as they were filmed, in place of those of the calm camera.")
    ] = False,
    frames: Annotated[
        str | None, typer.Option(metavar="A,B,...", help="The frames to paint, in place of those that are proposed.")
    ] = None,
    paint: Annotated[
        str | None, typer.Option(metavar="ENGINE", help="An engine that paints them, to be touched up: edit, ...")
    ] = None,
    prompt: Annotated[str | None, typer.Option(help="What --paint is to paint, for engines with a model.")] = None,
    reference: References = None,
    preset: Annotated[str, typer.Option(help=PRESET_HELP)] = "balanced",
    subject: Subject = None,
    matte: Matte = None,
    strokes: Strokes = None,
    begin: From = None,
    end: To = None,
    assignments: Annotated[
        list[str] | None, typer.Option("--set", metavar="GROUP.KEY=VALUE", help="Any setting; may be repeated.")
    ] = None,
    home: Home = None,
    shared: Shared = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print what keys.json says, for programs to read.")] = False,
) -> None:
    """Write the frames to paint for the engine keyframe, each with its reason and the frames that are made from it.

    With --paint an engine paints them, and takes the settings that `generate` takes.
    """
    from pipeline.engines import engine
    from pipeline.keys.folder import Folder
    from pipeline.keys.painting import Painter
    from pipeline.keys.story import propose
    from pipeline.restyle.kind import KIND
    from pipeline.see.open_clip import open_clip
    from utils.store.shared.opening import use_shared

    use_shared(shared)
    folder = Folder(out, "as filmed" if as_filmed else "stable")
    folder.check(painted=paint is not None)
    _check_painting(paint, prompt, reference)
    wanted = _read_frames(frames)
    files = {**reference_settings(reference), "analysis.matte": matte, "analysis.strokes": strokes}
    named = overridden(assignments or [], {"generate.engine": paint, "generate.prompt": prompt}, files, subject)
    preset, saved = saved_preset(KIND, preset, home)
    settings = KIND.settings.load(preset, named, None, saved)
    part, source = Part.read(begin, end), local_file(clip, home)
    with running(KIND, settings.flat(), home) as context:
        painter = Painter.of(engine(paint), context.settings) if paint else None
        context = part.of(source, context)
        proposed = propose(open_clip(source, context), context, wanted, painter)
        written = folder.write(proposed)
    if as_json:
        typer.echo(written.to_json().decode())
    else:
        _tell(proposed, written, out)


def _check_painting(paint: str | None, prompt: str | None, reference: list[Path] | None) -> None:
    """Refuse what only an engine reads that paints."""
    from utils.errors import SettingsError

    if paint is None and (prompt is not None or reference):
        raise SettingsError("--prompt and --reference are for an engine that paints.", "Add --paint edit.")


def _read_frames(text: str | None) -> list[int]:
    """The frames of --frames."""
    from utils.errors import SettingsError

    if text is None:
        return []
    if not all(part.strip().isdecimal() and len(part.strip()) < 9 for part in text.split(",")):
        raise SettingsError(f"--frames cannot be {text!r:.60}.", "Write the numbers of frames: 0,20,40.")
    return [int(part) for part in text.split(",")]


def _tell(proposed: Proposed, written: KeySet, out: Path) -> None:
    """Print a table of the frames."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    console = Console(highlight=False)
    what = f"frames painted by {proposed.painter}" if proposed.painted else "frames to paint"
    console.print(f"[bold]{escape(str(out))}[/]: {len(written.keys)} {what}; {proposed.seconds:.1f} s")
    table = Table(box=None, pad_edge=False)
    for column in ("picture", "makes frames", "why"):
        table.add_column(column, no_wrap=column != "why")
    for key in written.keys:
        first, last = key.reaches or (key.frame, key.frame)
        table.add_row(key.file, f"{first}-{last}", key.reason)
    console.print(table)
    for event in proposed.events:
        console.print(f"  [dim]{escape(event.sentence)}[/]")
    what_to_do = "Touch them up if you like" if proposed.painted else "Paint them"
    console.print(f"{what_to_do}, and give the folder back: generate CLIP --engine keyframe --keys FOLDER")
