"""python -m pipeline finish: turns a clip into a film by a plan that people read and edit."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.commands.fetching import ClipFile, local_file
from pipeline.commands.finish_analyse import analyse
from pipeline.commands.finish_plan import plan, write_otio
from pipeline.commands.options import Home, Shared
from pipeline.commands.running import check, check_place, running

if TYPE_CHECKING:
    from pipeline.finish.film.plan import Plan
    from pipeline.finish.story import Finished
    from pipeline.stage import RunContext
    from utils.media.clip import Clip

app = typer.Typer(
    help="Finish a clip: cuts, zoom, b-roll, pictures, subtitles, titles, music and sounds, with one encode.",
    no_args_is_help=True,
)
app.command()(analyse)
app.command()(plan)
PlanFile = Annotated[
    Path | None, typer.Option("--plan", help="The plan to render, a .yaml; what `plan` would write otherwise.")
]
Out = Annotated[Path, typer.Option("--out", "-o", help="The film to write, an .mp4.")]
Assignments = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="GROUP.KEY=VALUE", help="A setting of encode, or of a plan that is drafted; may be repeated."
    ),
]


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
    """Render the film of a plan, or of the one that `plan` proposes.

    Each frame is encoded once; after a change only what it touches is rendered again.
    """
    from pipeline.finish.film.files import beside
    from pipeline.finish.kind import KIND
    from pipeline.finish.outcome import write_film
    from pipeline.finish.settings import FinishSettings
    from pipeline.finish.story import finish, told
    from pipeline.see.open_clip import open_clip
    from pipeline.settings import read_assignments
    from utils.store.shared.opening import use_shared

    use_shared(shared)
    check(Path(clip), out)
    settings = FinishSettings.load("", dict(read_assignments(assignments or [], FinishSettings)))
    file = local_file(clip, home)
    with running(KIND, settings.flat(), home) as context:
        source = open_clip(file, context)
        wanted = Wanted.of(plan, source, context)
        _check_beside(wanted, out)
        made = finish(source, wanted.plan, beside(wanted.folder), context, preview=preview)
        write_film(made, out)
        if otio is not None:
            write_otio(wanted.plan, source, otio)
    if as_json:
        return typer.echo(json.dumps(told(made) | {"remarks": wanted.remarks}))
    _tell(out, made, wanted)
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
    from pipeline.finish.settings import FinishSettings
    from pipeline.see.open_clip import open_clip
    from utils.image.jpeg import write_jpeg

    check_place(Path(clip), out)
    with running(None, FinishSettings().flat(), home) as context:
        source = open_clip(local_file(clip, home), context)
        wanted = Wanted.of(plan, source, context)
        timeline = timeline_of(wanted.plan, source)
        index = min(timeline.frame_at(at_s), len(timeline) - 1)
        made = moment(source, wanted.plan, beside(wanted.folder), context, index / max(1, len(timeline) - 1))
    write_jpeg(out, made.after)
    typer.echo(f"{out}: frame {made.index} of {made.frames}.")
    for sentence in (*wanted.remarks, *made.events):
        typer.echo(f"  {sentence}")


@dataclass(frozen=True)
class Wanted:
    """The plan of a film, the folder that its files are relative to, and what people should know of a drafted one."""

    plan: Plan
    folder: Path
    remarks: tuple[str, ...] = ()

    @classmethod
    def of(cls, path: Path | None, clip: Clip, context: RunContext) -> Wanted:
        """The plan in a file; without one, that which `finish plan` would write, which is said."""
        from pipeline.finish.draft.proposed import proposed
        from pipeline.finish.draft.told import sentences
        from pipeline.finish.film.plan import read_plan
        from pipeline.finish.kind import KIND

        if path is not None:
            return cls(read_plan(path), path.absolute().parent)
        files = {role: context.settings[name] for role, name in KIND.file_settings.items() if context.settings[name]}
        made = proposed(clip, {role: Path(path).absolute() for role, path in files.items()}, context, str)
        said = "Without a plan, the film is what `finish plan` proposes:"
        remarks = dict.fromkeys(event.sentence for event in made.events)
        return cls(made.plan, Path.cwd(), (said, *sentences(made.plan, clip), *remarks))


def _check_beside(wanted: Wanted, out: Path) -> None:
    """Refuse to write subtitles of the film over those of people: of the plan, or beside no film yet."""
    from utils.errors import SettingsError

    said = wanted.plan.subtitles
    if said is None or not said.on:
        return
    given = wanted.folder / said.file
    for path in filter(Path.exists, (out.with_suffix(".srt"), out.with_suffix(".ass"))):
        if not out.exists() or (said.file and given.exists() and path.samefile(given)):
            raise SettingsError(f"The film's subtitles would replace {path.name!r}.", "Give --out another name.")


def _tell(out: Path, made: Finished, wanted: Wanted) -> None:
    """Print what was made."""
    film = made.film
    length_s = float(len(film) / film.rate)
    typer.echo(f"{out}: {len(film)} frames, {length_s:.2f} s at {float(film.rate):.5g} frames/s, {film.size}.")
    typer.echo(f"  {made.encoded} of {len(made.chunks)} chunks encoded; {made.seconds:.1f} s")
    typer.echo(f"  {_measures(made)}")
    for sentence in (*wanted.remarks, *(event.sentence for event in made.events)):
        typer.echo(f"  {sentence}")


def _measures(made: Finished) -> str:
    """The measures of a film in one line."""
    from pipeline.result.spent import machine_figures, machine_sentence
    from utils.process_resources import peak_mb

    ssim, psnr_db = (made.quality[name] for name in ("ssim", "psnr_db"))
    quality = f"encoded frames have an SSIM of {ssim:.4f} to those drawn, a PSNR of {psnr_db:.1f} dB"
    return f"{quality}; {made.spent.sentence}; {machine_sentence(machine_figures(peak_mb(), made.card))}"
