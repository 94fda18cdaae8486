"""python -m pipeline matte: finds the person in a clip and writes their matte."""

from pathlib import Path
from typing import Annotated

import typer

from pipeline.commands.fetching import ClipFile, local_file
from pipeline.commands.options import Home, Matte, Shared, Strokes, Subject
from pipeline.commands.running import check, check_place, pointed, running, tell_estimate
from pipeline.commands.trimming import From, Part, To


def matte(
    clip: ClipFile,
    out: Annotated[Path, typer.Option("--out", "-o", help="The matte to write: .mkv (lossless) or .zip (PNGs).")],
    overlay: Annotated[
        Path | None, typer.Option(help="Where to write the clip with the person shown, an .mp4.")
    ] = None,
    subject: Subject = None,
    strokes: Strokes = None,
    given: Matte = None,
    begin: From = None,
    end: To = None,
    home: Home = None,
    shared: Shared = None,
) -> None:
    """Write the person's outline for every frame, white on black: to look at, to mend, and to give with --matte."""
    from pipeline.matte.kind import KIND
    from pipeline.matte.outcome import write_matte_file, write_overlay
    from pipeline.matte.story import find_matte
    from pipeline.see.open_clip import open_clip
    from utils.errors import SettingsError
    from utils.store.shared.opening import use_shared

    use_shared(shared)
    if out.suffix.lower() not in (".mkv", ".zip"):
        raise SettingsError(f"{str(out)!r} does not end in .mkv or .zip.", f"Name it {out.stem or 'matte'}.mkv.")
    check_place(Path(clip), out)
    if overlay:
        check(Path(clip), overlay)
    files = {"analysis.matte": given, "analysis.strokes": strokes}
    chosen = {name: str(path.absolute()) for name, path in files.items() if path}
    settings = KIND.settings.load("", {**(pointed(subject) if subject else {}), **chosen})
    part, file_of_clip = Part.read(begin, end), local_file(clip, home)
    with running(KIND, settings.flat(), home) as whole:
        context = part.of(file_of_clip, whole)
        source = open_clip(file_of_clip, context)
        tell_estimate(KIND, source, "", context.settings)
        made = find_matte(source, context)
        write_matte_file(made, out)
        if overlay:
            write_overlay(made, overlay)
    found = sum(box is not None for box in made.analysis.boxes)
    typer.echo(f"{out}: the person is in {found} of {len(source)} frames; {made.seconds:.1f} s")
    for event in made.events:
        typer.echo(f"  {event.sentence}")
