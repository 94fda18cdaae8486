"""python -m pipeline preview: shows one finished frame of a clip within seconds, before a job is started."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline.commands.options import Matte, References, Strokes, Subject, reference_settings
from pipeline.commands.running import PRESET_HELP, pointed, saved_preset
from pipeline.commands.trimming import From, Part, To

if TYPE_CHECKING:
    from pipeline.stage import RunContext
    from utils.image import RGB


def preview(
    clip: Annotated[Path, typer.Argument(help="The clip to preview.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="The finished frame to write, a .jpg.")],
    before: Annotated[Path | None, typer.Option(help="Where to write the same frame as it was filmed.")] = None,
    at: Annotated[str, typer.Option(help="Which moment, 0 to 1 of the clip; auto takes the clearest person.")] = "auto",
    preset: Annotated[str, typer.Option(help=PRESET_HELP)] = "balanced",
    style: Annotated[str | None, typer.Option("--look", help="The style; short for generate.look.")] = None,
    looks: Annotated[
        str | None, typer.Option(metavar="A,B", help="The frame in several looks side by side, or in all of them.")
    ] = None,
    reference: References = None,
    subject: Subject = None,
    matte: Matte = None,
    strokes: Strokes = None,
    begin: From = None,
    end: To = None,
    assignments: Annotated[
        list[str] | None, typer.Option("--set", metavar="GROUP.KEY=VALUE", help="Any setting; may be repeated.")
    ] = None,
    file: Annotated[Path | None, typer.Option("--settings", help="A YAML or JSON file of settings.")] = None,
    home: Annotated[
        Path | None, typer.Option(help="Where results are cached; RESHOOT_HOME or ~/.reshoot otherwise.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print all, also problems, for programs to read.")] = False,
) -> None:
    """Show one frame as the whole run would finish it, to choose a style by."""
    from utils.home import home_at

    start = time.perf_counter()
    overrides = [*(assignments or []), *([f"generate.look={style}"] if style else [])]
    given = {**reference_settings(reference), "analysis.matte": matte, "analysis.strokes": strokes}
    overrides += [f"{name}={path.absolute()}" for name, path in given.items() if path]
    with _problems(as_json), home_at(home):
        overrides += [f"{name}={value}" for name, value in (pointed(subject) if subject else {}).items()]
        share, context = _share(at), _context(home, preset, overrides, file)
        _check(clip, out, before)
        context = Part.read(begin, end).of(clip, context)
        wanted = _looks(looks, overrides)
        from pipeline.preview.look_sheet import look_sheet, preview_looks
        from pipeline.see.open_clip import open_clip

        names = wanted or [context.settings["generate.look"]]
        found = list(preview_looks(open_clip(clip, context), context, share, names))
        _write({out: look_sheet(names, found) if wanted else found[0].after, before: found[0].before})
    facts = {**found[0].to_json(), "looks": names, "seconds": round(time.perf_counter() - start, 2)}
    typer.echo(json.dumps(facts) if as_json else _sentences(facts, out))


def _looks(looks: str | None, overrides: list[str]) -> list[str]:
    """The looks that --looks names; none without it."""
    from pipeline.preview.look_sheet import looks_named
    from utils.errors import SettingsError

    if looks and any(each.startswith("generate.look=") for each in overrides):
        raise SettingsError("--looks and --look say different things.", "Give one of them.")
    return looks_named(looks) if looks else []


@contextmanager
def _problems(as_json: bool) -> Iterator[None]:
    """With --json, print an error as JSON too, and exit with code 1."""
    from utils.errors import ReshootError

    try:
        yield
    except ReshootError as error:
        if not as_json:
            raise
        typer.echo(json.dumps({"problem": error.problem, "remedy": error.remedy}))
        raise typer.Exit(1) from None


def _share(at: str) -> float | None:
    """The share of the clip's length that --at names; None for auto."""
    from utils.errors import SettingsError

    if at == "auto":
        return None
    try:
        share = float(at)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise SettingsError(f"--at cannot be {at!r:.40}.", "It takes auto, or a number from 0 (first) to 1 (last).")
    return share


def _context(home: Path | None, preset: str, assignments: list[str], file: Path | None) -> "RunContext":
    from pipeline.library.given import at_home
    from pipeline.restyle.kind import KIND
    from pipeline.settings import read_assignments
    from pipeline.stage import RunContext
    from utils.home import cache_folder
    from utils.store import Store

    preset, saved = saved_preset(KIND, preset, home)
    settings = KIND.settings.load(preset, dict(read_assignments(assignments)), file, saved).flat()
    return RunContext(Store(cache_folder(home)), at_home(settings, KIND.file_settings.values(), home))


def _check(clip: Path, *pictures: Path | None) -> None:
    """Raise an error for everything that is known to fail before anything is computed."""
    from utils.errors import SettingsError, WriteError

    for path in filter(None, pictures):
        if path.suffix.lower() not in (".jpg", ".jpeg"):
            raise SettingsError(f"{str(path)!r} does not end in .jpg.", f"Name it {path.stem or 'look'}.jpg.")
        if not path.absolute().parent.is_dir():
            raise WriteError(f"There is no folder {str(path.absolute().parent)!r}.", "Create it, or choose another.")
        if clip.exists() and path.exists() and clip.samefile(path):
            raise SettingsError("The picture would replace the clip itself.", "Give it another name.")


def _write(pictures: "dict[Path | None, RGB]") -> None:
    from utils.atomic_file import explained, replacing
    from utils.image.jpeg import write_jpeg

    for path, picture in pictures.items():
        if path:
            with explained(path, "Choose another place, or make room there."), replacing(path, durable=False) as part:
                write_jpeg(part, picture)


def _sentences(facts: dict[str, Any], out: Path) -> str:
    """The facts of a preview in sentences."""
    person = f"Person found in {facts['found_in']} of {facts['looked_at']} frames looked at."
    several = f" in {len(facts['looks'])} looks" if len(facts["looks"]) > 1 else ""
    return "\n".join([f"{out}: frame {facts['at']}{several}, in {facts['seconds']:.1f} s.", person, *facts["events"]])
