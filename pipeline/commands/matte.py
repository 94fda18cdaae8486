"""python -m pipeline matte: finds the person in a clip and writes their matte."""

from pathlib import Path
from typing import Annotated

import typer

from pipeline.commands.options import Matte, Strokes, Subject
from pipeline.commands.running import check, check_place, pointed, running, tell_estimate
from pipeline.commands.trimming import From, Part, To


def matte(
    clip: Annotated[Path, typer.Argument(help="The clip in which to find the person.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="The matte to write: .mkv (lossless) or .zip (PNGs).")],
    overlay: Annotated[
        Path | None, typer.Option(help="Where to write the clip with the person shown, an .mp4.")
    ] = None,
    subject: Subject = None,
    strokes: Strokes = None,
    given: Matte = None,
    begin: From = None,
    end: To = None,
    home: Annotated[
        Path | None, typer.Option(help="Where results are cached; RESHOOT_HOME or ~/.reshoot otherwise.")
    ] = None,
) -> None:
    """Write the person's outline for every frame, white on black: to look at, to mend, and to give with --matte."""
    from pipeline.matte.kind import KIND
    from pipeline.matte.outcome import write_matte_file, write_overlay
    from pipeline.matte.story import find_matte
    from pipeline.see.open_clip import open_clip
    from utils.errors import SettingsError

    if out.suffix.lower() not in (".mkv", ".zip"):
        raise SettingsError(f"{str(out)!r} does not end in .mkv or .zip.", f"Name it {out.stem or 'matte'}.mkv.")
    check_place(clip, out)
    if overlay:
        check(clip, overlay)
    files = {"analysis.matte": given, "analysis.strokes": strokes}
    chosen = {name: str(path.absolute()) for name, path in files.items() if path}
    settings = KIND.settings.load("", {**(pointed(subject) if subject else {}), **chosen})
    part = Part.read(begin, end)
    with running(KIND, settings.flat(), home) as whole:
        context = part.of(clip, whole)
        source = open_clip(clip, context)
        tell_estimate(KIND, source, "", context.settings)
        made = find_matte(source, context)
        write_matte_file(made, out)
        if overlay:
            write_overlay(made, overlay)
    found = sum(box is not None for box in made.analysis.boxes)
    typer.echo(f"{out}: the person is in {found} of {len(source)} frames; {made.seconds:.1f} s")
    for event in made.events:
        typer.echo(f"  {event.sentence}")
