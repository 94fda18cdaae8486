"""python -m pipeline animate: makes a clip from pictures that move as a structure video does."""

from pathlib import Path
from typing import Annotated

import typer

from pipeline.commands.fetching import local_file
from pipeline.commands.guide import (
    Anchors,
    Assignments,
    Fit,
    Fps,
    Frames,
    PlanFile,
    Size,
    Strength,
    Structures,
    Treatment,
    asked_for,
)
from pipeline.commands.options import Home, Shared
from pipeline.commands.running import check_mp4, running, tell_estimate


def animate(
    out: Annotated[Path, typer.Option("--out", "-o", help="The clip to write, an .mp4.")],
    structure: Structures = None,
    anchor: Anchors = None,
    plan: PlanFile = None,
    size: Size = None,
    fps: Fps = None,
    frames: Frames = None,
    fit: Fit = None,
    type: Annotated[str, typer.Option(help="What leads vace, where a structure does not say: as of guide.")] = "flow",
    treatment: Treatment = "adjust",
    strength: Strength = 1.0,
    engine: Annotated[str | None, typer.Option(help="What makes the frames: carried or vace; animate.engine.")] = None,
    prompt: Annotated[str | None, typer.Option(help="What is to be seen, for vace; generate.prompt.")] = None,
    look: Annotated[str | None, typer.Option(help="How the pictures are painted first; animate.look.")] = None,
    assignments: Assignments = None,
    home: Home = None,
    shared: Shared = None,
) -> None:
    """Make a clip from one or more pictures: they move as a structure video moves, carried along or made by a model."""
    from pipeline.animate import story
    from pipeline.animate.kind import KIND
    from pipeline.animate.settings import CARRIED
    from pipeline.guide.bar import text_bar
    from pipeline.result.document import copy_clip
    from pipeline.see.open_clip import open_clip
    from pipeline.settings import read_assignments
    from utils.store.shared.opening import use_shared

    use_shared(shared)
    short = {"animate.engine": engine, "generate.prompt": prompt, "animate.look": look}
    said = {name: value for name, value in short.items() if value is not None}
    settings = KIND.settings.load("", {**read_assignments(assignments or [], KIND.settings), **said})
    asked = asked_for(plan, structure, anchor, f"type={type},treatment={treatment},strength={strength}")
    check_mp4(out, [Path(each.file) for each in asked.structures])
    asked = asked.shaped(size, fps, frames, fit).with_files(lambda file: local_file(file, home))
    with running(KIND, settings.flat(), home) as context:
        meant = asked.plan(lambda path: open_clip(path, context), context.settings)
        if context.settings["animate.engine"] != CARRIED:
            shape = {
                "guide.frames": meant.frames,
                "guide.width": meant.size.width_px,
                "guide.height": meant.size.height_px,
            }
            tell_estimate(KIND, meant.structures[0].clip, "", {**context.settings, **shape})
        made = story.animate(meant, context)
        copy_clip(made.path, out)
    made_of = f"{made.plan.frames} frames, {made.plan.size}, {float(made.plan.rate):g} per second"
    typer.echo(f"{out}: {made_of}; {made.seconds:.1f} s")
    typer.echo(f"  led     {text_bar(made.tracker)}")
    for event in made.events:
        typer.echo(f"  {event.sentence}")
