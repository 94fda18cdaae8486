"""python -m pipeline guide: makes a guide video from the motion of structure videos."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.commands.fetching import local_file
from pipeline.commands.options import Home, Shared
from pipeline.commands.running import check_mp4, running

if TYPE_CHECKING:
    from pipeline.guide.asked import AskedGuide
    from pipeline.guide.story import MadeGuide


Structures = Annotated[
    list[str] | None,
    typer.Option(
        "--structure",
        metavar="FILE[,at=A:B][,from=A:B]...",
        help="A structure video, with the frames of the timeline that it leads (at), its own frames (from), "
        "treatment, type and strength; may be repeated.",
    ),
]
PlanFile = Annotated[Path | None, typer.Option("--plan", help="A YAML file that says all of this (docs/guide.md).")]
Size = Annotated[str | None, typer.Option("--size", metavar="WxH", help="The size; that of the first structure video.")]
Fps = Annotated[str | None, typer.Option("--fps", help="The frame rate; that of the first structure video.")]
Frames = Annotated[int | None, typer.Option("--frames", min=1, max=100_000, help="How many frames there are.")]
Anchors = Annotated[
    list[str] | None,
    typer.Option("--anchor", metavar="INDEX:IMAGE", help="A frame that is given as a picture; may be repeated."),
]
Fit = Annotated[str | None, typer.Option("--fit", help="crop fills the size and cuts edges off, pad leaves bars.")]
Treatment = Annotated[str, typer.Option("--treatment", help="adjust stretches to fill the range, clip keeps the pace.")]
Strength = Annotated[float, typer.Option("--strength", min=0, max=4, help="How strong the motion is; 0 is none.")]
Assignments = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="GROUP.KEY=VALUE", help="A setting of flow, guide or encode; may be repeated."),
]


def guide(
    out: Annotated[Path, typer.Option("--out", "-o", help="The guide to write, an .mp4.")],
    structure: Structures = None,
    plan: PlanFile = None,
    size: Size = None,
    fps: Fps = None,
    frames: Frames = None,
    anchor: Anchors = None,
    fit: Fit = None,
    type: Annotated[str, typer.Option(help="flow, pose, edge, depth or raw, where a structure does not say.")] = "flow",
    treatment: Treatment = "adjust",
    strength: Strength = 1.0,
    carried: Annotated[
        Path | None, typer.Option(help="Where to write the anchors carried along the motion, an .mp4.")
    ] = None,
    mask: Annotated[Path | None, typer.Option(help="Where to write the mask of what is to be made, an .mp4.")] = None,
    facts: Annotated[Path | None, typer.Option(help="Where to write what guides which frame, a .json.")] = None,
    assignments: Assignments = None,
    home: Home = None,
    shared: Shared = None,
) -> None:
    """Make a guide: for each frame a picture that leads a generator, from the motion of structure videos."""
    from pipeline.guide.kind import KIND
    from pipeline.guide.story import make_guide
    from pipeline.see.open_clip import open_clip
    from pipeline.settings import read_assignments
    from utils.store.shared.opening import use_shared

    use_shared(shared)
    settings = KIND.settings.load("", dict(read_assignments(assignments or [], KIND.settings)))
    asked = asked_for(plan, structure, anchor, f"type={type},treatment={treatment},strength={strength}")
    for path in filter(None, (out, carried, mask)):
        check_mp4(path, [Path(each.file) for each in asked.structures])
    if carried is not None and not asked.anchors:
        raise _no_anchor()
    asked = asked.shaped(size, fps, frames, fit).with_files(lambda file: local_file(file, home))
    with running(KIND, settings.flat(), home) as context:
        made = make_guide(asked.plan(lambda path: open_clip(path, context), context.settings), context)
        _write(made, {"guide": out, "carried": carried, "mask": mask}, facts)
    _tell(made, out)


def asked_for(plan: Path | None, structures: list[str] | None, anchors: list[str] | None, usual: str) -> AskedGuide:
    """What was asked for: the plan file's, with structures and anchors of the command line added."""
    from pipeline.guide.asked import AskedGuide, read_anchor, read_plan, read_structure
    from utils.errors import SettingsError

    meant = read_structure(f",{usual}")
    given = read_plan(plan, meant) if plan else AskedGuide([])
    placed = dict(given.anchors)
    for index, path in map(read_anchor, anchors or []):
        if placed.setdefault(index, path) != path:
            raise SettingsError(f"Two anchors are placed at frame {index}.", "Keep one of them.")
    added = [read_structure(text, meant) for text in structures or []]
    return replace(given, structures=(*given.structures, *added), anchors=placed)


def _no_anchor() -> Exception:
    from utils.errors import SettingsError

    return SettingsError("There is no anchor whose pixels could be carried.", "Give one: --anchor 0:first.png.")


def _write(made: MadeGuide, places: dict[str, Path | None], facts: Path | None) -> None:
    from pipeline.guide.outcome import write_clip
    from utils.atomic_file import explained, write_atomically

    for name, path in places.items():
        if path is not None:
            write_clip(made, name, path)
    if facts is not None:
        with explained(facts):
            write_atomically(facts, json.dumps(made.guide.facts, indent=1))


def _tell(made: MadeGuide, out: Path) -> None:
    from pipeline.guide.bar import text_bar

    plan = made.guide.plan
    typer.echo(f"{out}: {plan.frames} frames, {plan.size}, {float(plan.rate):g} per second; {made.seconds:.1f} s")
    typer.echo(f"  guided  {text_bar(made.tracker)}")
    for event in made.events:
        typer.echo(f"  {event.sentence}")
