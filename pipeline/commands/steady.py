"""python -m pipeline steady: stabilizes a clip and changes nothing else."""

from pathlib import Path
from typing import Annotated

import typer


def steady(
    clip: Annotated[Path, typer.Argument(help="The clip to calm.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="The clip to write, an .mp4.")],
    path: Annotated[Path | None, typer.Option(help="Where to write the calm camera path, as JSON.")] = None,
    assignments: Annotated[
        list[str] | None, typer.Option("--set", metavar="STABILISE.KEY=VALUE", help="Window, method, model, strength.")
    ] = None,
) -> None:
    """Take the operator's shake out of a clip. No pixel is lost: the picture moves in a frame that holds all of it."""
    from pipeline.settings import Settings, read_assignments
    from utils.camera.stabilization import Smoothing, stabilise
    from utils.camera.stabilized_copy import followed, write_steady
    from utils.errors import SettingsError
    from utils.media.intake import probe

    if out.suffix.lower() != ".mp4":
        raise SettingsError(f"{str(out)!r} does not end in .mp4.", f"Name it {out.stem or 'calm'}.mp4.")
    if clip.exists() and out.exists() and clip.samefile(out):
        raise SettingsError("The result would replace the clip itself.", "Give --out another name.")
    chosen = Settings.load("balanced", dict(read_assignments(assignments or []))).stabilise
    source = probe(clip)
    calm = stabilise(followed(source), Smoothing(chosen.window_s, chosen.strength, chosen.method, chosen.model))
    write_steady(out, source, calm)
    if path:
        path.write_text(calm.to_json())
    typer.echo(f"{out}: {len(source)} frames, {calm.canvas}.")
