"""python -m pipeline keys: proposes the frames of a clip to paint, and writes them into a folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline.commands.fetching import ClipFile, local_file
from pipeline.commands.options import Home, Matte, Shared, Strokes, Subject
from pipeline.commands.running import PRESET_HELP, pointed, running, saved_preset
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
    """Write the frames to paint for the engine keyframe, each with its reason and the frames that are made from it."""
    from pipeline.keys.folder import Folder
    from pipeline.keys.story import propose
    from pipeline.restyle.kind import KIND
    from pipeline.see.open_clip import open_clip
    from pipeline.settings import read_assignments
    from utils.store.shared.opening import use_shared

    use_shared(shared)
    folder = Folder(out, "as filmed" if as_filmed else "stable")
    folder.check()
    wanted = _read_frames(frames)
    files = {"analysis.matte": matte, "analysis.strokes": strokes}
    chosen: dict[str, Any] = {name: str(path.absolute()) for name, path in files.items() if path}
    named = {**read_assignments(assignments or []), **chosen, **(pointed(subject) if subject else {})}
    preset, saved = saved_preset(KIND, preset, home)
    settings = KIND.settings.load(preset, named, None, saved)
    part, source = Part.read(begin, end), local_file(clip, home)
    with running(KIND, settings.flat(), home) as context:
        context = part.of(source, context)
        proposed = propose(open_clip(source, context), context, wanted)
        written = folder.write(proposed)
    if as_json:
        typer.echo(written.to_json().decode())
    else:
        _tell(proposed, written, out)


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
    console.print(f"[bold]{escape(str(out))}[/]: {len(written.keys)} frames to paint; {proposed.seconds:.1f} s")
    table = Table(box=None, pad_edge=False)
    for column in ("picture", "makes frames", "why"):
        table.add_column(column, no_wrap=column != "why")
    for key in written.keys:
        first, last = key.reaches or (key.frame, key.frame)
        table.add_row(key.file, f"{first}-{last}", key.reason)
    console.print(table)
    for event in proposed.events:
        console.print(f"  [dim]{escape(event.sentence)}[/]")
    console.print("Paint them, and give the folder back: generate CLIP --engine keyframe --keys FOLDER")
