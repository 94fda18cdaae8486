"""python -m pipeline finish: turns a clip into a film by a plan that people read and edit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.commands.fetching import ClipFile, local_file
from pipeline.commands.finish_analyse import analyse
from pipeline.commands.options import Home, Shared
from pipeline.commands.running import check, check_place, running

if TYPE_CHECKING:
    from pipeline.finish.film.plan import Plan
    from pipeline.finish.story import Finished

app = typer.Typer(
    help="Finish a clip: cuts, zoom, b-roll, pictures, subtitles, titles, music and sounds, with one encode.",
    no_args_is_help=True,
)
app.command()(analyse)
PlanFile = Annotated[Path | None, typer.Option("--plan", help="The plan to render, a .yaml; an empty one otherwise.")]
Out = Annotated[Path, typer.Option("--out", "-o", help="The film to write, an .mp4.")]
Assignments = Annotated[
    list[str] | None, typer.Option("--set", metavar="GROUP.KEY=VALUE", help="A setting of encode; may be repeated.")
]


@app.command()
def plan(
    clip: ClipFile,
    out: Annotated[Path, typer.Option("--out", "-o", help="The plan to write.")] = Path("plan.yaml"),
    subtitles: Annotated[Path | None, typer.Option(help="What is said: an SRT or JSON file.")] = None,
    silences: Annotated[Path | None, typer.Option(help="Silences to cut: JSON pairs of ms.")] = None,
    broll: Annotated[Path | None, typer.Option(help="A folder of clips, matched with what is said by name.")] = None,
    music: Annotated[Path | None, typer.Option(help="Music to be heard under the film.")] = None,
    logo: Annotated[Path | None, typer.Option(help="A picture for the upper right corner.")] = None,
    otio: Annotated[Path | None, typer.Option(help="Where to write the cuts for editing programs, an .otio.")] = None,
    home: Home = None,
    shared: Shared = None,
) -> None:
    """Write a plan for a clip: what would be cut, shown and heard, for you to edit."""
    from pipeline.finish.film.drafting import Materials, draft
    from pipeline.finish.film.plan import write_plan
    from pipeline.see.open_clip import open_clip
    from utils.errors import SettingsError
    from utils.store.shared.opening import use_shared

    use_shared(shared)
    check_place(Path(clip), out)
    if out.exists():
        raise SettingsError(f"There is a plan {str(out)!r} already.", "Name another with --out, or delete that one.")
    with running(None, {}, home) as context:
        file = local_file(clip, home)
        source = open_clip(file, context)
        made = draft(source, Materials(subtitles, silences, broll, music, logo), out.absolute().parent)
    write_plan(out, made.plan)
    if otio is not None:
        _write_otio(made.plan, file, otio, home)
    typer.echo(f"{out}: {len(made.plan.cut)} cuts, {len(made.plan.broll)} clips of b-roll.")
    for remark in made.remarks:
        typer.echo(f"  {remark}")


@app.command()
def render(
    clip: ClipFile,
    out: Out,
    plan: PlanFile = None,
    preview: Annotated[bool, typer.Option("--preview", help="Half the size, and encoded quickly.")] = False,
    otio: Annotated[Path | None, typer.Option(help="Where to write the cuts for editing programs, an .otio.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print what was done as JSON.")] = False,
    assignments: Assignments = None,
    home: Home = None,
    shared: Shared = None,
) -> None:
    """Render the film of a plan. Each frame is encoded once; after a change only what it touches is rendered again."""
    from pipeline.finish.film.files import beside
    from pipeline.finish.outcome import write_film
    from pipeline.finish.settings import FinishSettings
    from pipeline.finish.story import finish, told
    from pipeline.see.open_clip import open_clip
    from pipeline.settings import read_assignments
    from utils.store.shared.opening import use_shared

    use_shared(shared)
    check(Path(clip), out)
    settings = FinishSettings.load("", dict(read_assignments(assignments or [], FinishSettings)))
    wanted, folder = _read(plan)
    _check_beside(wanted, folder, out)
    file = local_file(clip, home)
    with running(None, settings.flat(), home) as context:
        made = finish(open_clip(file, context), wanted, beside(folder), context, preview=preview)
        write_film(made, out)
    if otio is not None:
        _write_otio(wanted, file, otio, home)
    if as_json:
        return typer.echo(json.dumps(told(made)))
    _tell(out, made)
    return None


@app.command()
def frame(
    clip: ClipFile,
    out: Annotated[Path, typer.Option("--out", "-o", help="The picture to write, a .jpg.")],
    plan: PlanFile = None,
    at_s: Annotated[float, typer.Option("--at", min=0, help="The moment, in seconds of the clip.")] = 0.0,
    home: Home = None,
) -> None:
    """Draw one moment of a film at half its size, without rendering it."""
    from pipeline.finish.film.built import timeline_of
    from pipeline.finish.film.files import beside
    from pipeline.finish.moment import moment
    from pipeline.see.open_clip import open_clip
    from utils.image.jpeg import write_jpeg

    check_place(Path(clip), out)
    wanted, folder = _read(plan)
    with running(None, {}, home) as context:
        source = open_clip(local_file(clip, home), context)
        timeline = timeline_of(wanted, source)
        index = min(timeline.frame_at(at_s), len(timeline) - 1)
        made = moment(source, wanted, beside(folder), context, index / max(1, len(timeline) - 1))
    write_jpeg(out, made.after)
    typer.echo(f"{out}: frame {made.index} of {made.frames}.")
    for sentence in made.events:
        typer.echo(f"  {sentence}")


def _read(plan: Path | None) -> tuple[Plan, Path]:
    """The plan, and the folder that its files are relative to."""
    from pipeline.finish.film.plan import Plan, read_plan

    return (read_plan(plan), plan.absolute().parent) if plan else (Plan(), Path.cwd())


def _check_beside(plan: Plan, folder: Path, out: Path) -> None:
    """Refuse to write subtitles of the film over those of the clip."""
    from utils.errors import SettingsError

    given = folder / plan.subtitles.file if plan.subtitles and plan.subtitles.file else None
    for path in (out.with_suffix(".srt"), out.with_suffix(".ass")):
        if given is not None and given.exists() and path.exists() and path.samefile(given):
            raise SettingsError(f"The film's subtitles would replace {given.name!r}.", "Give --out another name.")


def _write_otio(plan: Plan, clip: Path, out: Path, home: Path | None) -> None:
    from pipeline.finish.film.built import timeline_of
    from pipeline.see.open_clip import open_clip
    from utils.atomic_file import explained, write_atomically
    from utils.film.otio import otio

    with running(None, {}, home) as context:
        source = open_clip(clip, context)
    with explained(out):
        write_atomically(out, otio(timeline_of(plan, source), source))


def _tell(out: Path, made: Finished) -> None:
    """Print what was made."""
    film = made.film
    length_s = float(len(film) / film.rate)
    typer.echo(f"{out}: {len(film)} frames, {length_s:.2f} s at {float(film.rate):.5g} frames/s, {film.size}.")
    typer.echo(f"  {made.encoded} of {len(made.chunks)} chunks encoded; {made.seconds:.1f} s")
    typer.echo(f"  encoded frames have an SSIM of {made.quality['ssim']:.4f} to those drawn")
    for event in made.events:
        typer.echo(f"  {event.sentence}")
