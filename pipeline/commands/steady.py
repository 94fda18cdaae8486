"""python -m pipeline steady: stabilizes a clip and changes nothing else."""

from pathlib import Path
from typing import Annotated

import typer

from pipeline.commands.fetching import ClipFile, local_file
from pipeline.commands.options import Home, Shared
from pipeline.commands.running import check, running, tell_estimate
from pipeline.commands.trimming import From, Part, To


def steady(
    clip: ClipFile,
    out: Annotated[Path, typer.Option("--out", "-o", help="The clip to write, an .mp4.")],
    begin: From = None,
    end: To = None,
    path: Annotated[Path | None, typer.Option(help="Where to write the calm camera path, as JSON.")] = None,
    assignments: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="GROUP.KEY=VALUE", help="A setting of stabilise or encode; may be repeated."),
    ] = None,
    file: Annotated[
        Path | None, typer.Option("--settings", help="A YAML or JSON file of settings, or an .mp4 of this command.")
    ] = None,
    home: Home = None,
    shared: Shared = None,
) -> None:
    """Take the operator's shake out of a clip. No pixel is lost: the picture moves in a frame that holds all of it."""
    from pipeline.plan.stable_path import jerks_px
    from pipeline.see.open_clip import open_clip
    from pipeline.settings import read_assignments
    from pipeline.steady import story
    from pipeline.steady.kind import KIND
    from pipeline.steady.outcome import write_clip
    from utils.atomic_file import explained, write_atomically
    from utils.store.shared.opening import use_shared

    use_shared(shared)
    settings = KIND.settings.load("", dict(read_assignments(assignments or [], KIND.settings)), file)
    check(Path(clip), out)
    part, file_of_clip = Part.read(begin, end), local_file(clip, home)
    with running(KIND, settings.flat(), home) as context:
        context = part.of(file_of_clip, context)
        source = open_clip(file_of_clip, context)
        tell_estimate(KIND, source, "", context.settings)
        made = story.steady(source, context)
        write_clip(made, out)
    if path:
        with explained(path):
            write_atomically(path, made.stable.path.to_json())
    before, after = jerks_px(made.track.camera, made.stable.path)
    typer.echo(f"{out}: {len(made.clip)} frames, {made.stable.path.canvas}.")
    typer.echo(f"  camera jerk {before:.2f} px, {after:.3f} px now; {made.seconds:.1f} s")
    for event in made.events:
        typer.echo(f"  {event.sentence}")
