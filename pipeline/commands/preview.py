"""python -m pipeline preview: shows one finished frame of a clip within seconds, before a job is started."""

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline.commands.fetching import ClipFile, local_file
from pipeline.commands.options import (
    Guide,
    Keys,
    Matte,
    References,
    Shared,
    Strokes,
    Subject,
    assigned,
    kept_keys,
    reference_settings,
)
from pipeline.commands.running import PRESET_HELP, pointed, saved_preset, told_and_offered
from pipeline.commands.trimming import From, Part, To

if TYPE_CHECKING:
    from pipeline.stage import RunContext
    from utils.image import RGB
    from utils.media.clip import Clip


Seeds = Annotated[
    int | None,
    typer.Option(min=1, max=16, help="The frame from so many seeds side by side; with --looks a row for each."),
]


def preview(
    clip: ClipFile,
    out: Annotated[Path, typer.Option("--out", "-o", help="The finished frame to write, a .jpg or .png.")],
    before: Annotated[Path | None, typer.Option(help="Where to write the same frame as it was filmed.")] = None,
    at: Annotated[str, typer.Option(help="Which moment, 0 to 1 of the clip; auto takes the clearest person.")] = "auto",
    frame: Annotated[int | None, typer.Option(min=0, help="Which frame, in place of --at; the first one is 0.")] = None,
    preset: Annotated[str, typer.Option(help=PRESET_HELP)] = "balanced",
    engine: Annotated[str | None, typer.Option(help="What makes the new pixels; short for generate.engine.")] = None,
    style: Annotated[str | None, typer.Option("--look", help="The style; short for generate.look.")] = None,
    prompt: Annotated[str | None, typer.Option(help="What is to be seen, for engines with a model.")] = None,
    looks: Annotated[
        str | None, typer.Option(metavar="A,B", help="The frame in several looks side by side, or in all of them.")
    ] = None,
    seeds: Seeds = None,
    each: Annotated[Path | None, typer.Option(help="A folder for each of several pictures as a file.")] = None,
    reference: References = None,
    guide: Guide = None,
    keys: Keys = None,
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
    shared: Shared = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print all, also problems, for programs to read.")] = False,
) -> None:
    """Show one frame as the whole run would finish it, to choose a style or a seed by."""
    from utils.home import home_at
    from utils.store.shared.opening import use_shared

    start = time.perf_counter()
    short = {"generate.engine": engine, "generate.look": style, "generate.prompt": prompt}
    files = {"generate.guide": guide, "analysis.matte": matte, "analysis.strokes": strokes}
    given = {**reference_settings(reference), **files}
    with _problems(as_json), home_at(home):
        use_shared(shared)
        short["generate.keys"] = kept_keys(keys, home)
        overrides = [*(assignments or []), *_overrides(short, given, subject)]
        asked = _Asked(Path(clip), out, before, each, _Moment.read(at, frame), looks, seeds)
        asked.check(overrides)
        part, context = Part.read(begin, end), _context(home, preset, overrides, file)
        asked = replace(asked, clip=local_file(clip, home))
        facts = asked.show(part.of(asked.clip, context))
        facts["seconds"] = round(time.perf_counter() - start, 2)
        facts["events"] = [*facts["events"], *told_and_offered(context)]
    typer.echo(json.dumps(facts) if as_json else _sentences(facts, out))


def _overrides(short: dict[str, str | None], given: Mapping[str, Path | None], subject: str | None) -> list[str]:
    """What options of the command line set, in the form of --set."""
    values: dict[str, Any] = {name: value for name, value in short.items() if value is not None}
    values |= {name: path.absolute() for name, path in given.items() if path}
    values |= pointed(subject) if subject else {}
    return [f"{name}={value}" for name, value in values.items()]


@dataclass(frozen=True)
class _Moment:
    """The moment that is asked for: a share of the clip, or a frame of it; None takes the clearest person."""

    share: float | None = None
    frame: int | None = None

    @classmethod
    def read(cls, at: str, frame: int | None) -> "_Moment":
        """The moment of --at and --frame."""
        from utils.errors import SettingsError

        if at == "auto":
            return cls(frame=frame)
        if frame is not None:
            raise SettingsError("--at and --frame say different things.", "Give one of them.")
        try:
            share = float(at)
        except ValueError:
            share = -1.0
        if not 0 <= share <= 1:
            raise SettingsError(f"--at cannot be {at!r:.40}.", "It takes auto, or a number from 0 (first) to 1 (last).")
        return cls(share)

    def share_in(self, clip: "Clip") -> float | None:
        """The share of a clip, or of its part that is used."""
        from utils.errors import SettingsError

        if self.frame is None:
            return self.share
        index, last = self.frame - clip.start, len(clip) - 1
        if not 0 <= index <= last:
            raise SettingsError(
                f"The frame {self.frame} is not there.", f"Choose one from {clip.start} to {clip.start + last}."
            )
        return index / last if last else 0.0


@dataclass(frozen=True)
class _Asked:
    """What is shown of a clip, and where it is written."""

    clip: Path
    out: Path
    before: Path | None
    each: Path | None
    moment: _Moment
    looks: str | None
    seeds: int | None

    def check(self, overrides: list[str]) -> None:
        """Raise an error for everything that is known to fail before anything is computed."""
        from utils.errors import SettingsError, WriteError

        if self.looks and any(text.startswith("generate.look=") for text in overrides):
            raise SettingsError("--looks and --look say different things.", "Give one of them.")
        if self.each and not (self.looks or self.seeds):
            raise SettingsError("--each is for several pictures.", "Give --looks or --seeds too, or leave it out.")
        if self.each and (self.each.is_file() or not self.each.absolute().parent.is_dir()):
            raise WriteError(f"{str(self.each)!r} cannot become a folder.", "Choose another place.")
        for path in filter(None, (self.out, self.before)):
            _check_place(self.clip, path)

    def show(self, context: "RunContext") -> dict[str, Any]:
        """Make the pictures, write them, and return what there is to know."""
        from rich.console import Console
        from rich.progress import track

        from pipeline.engines import engine
        from pipeline.preview.grid import previews, sheet, variations
        from pipeline.see.open_clip import open_clip

        settings = context.settings
        chosen = variations(engine(settings["generate.engine"]), settings, self.looks, self.seeds)
        clip, console = open_clip(self.clip, context), Console(stderr=True)
        made = previews(clip, context, self.moment.share_in(clip), chosen)
        quiet = len(chosen) == 1 or not console.is_terminal
        found = list(track(made, "Previewing", len(chosen), console=console, disable=quiet))
        pictures = {self.out: sheet(chosen, found) if self.looks or self.seeds else found[0].after}
        pictures |= {self.before: found[0].before} if self.before else {}
        if self.each:
            self.each.mkdir(exist_ok=True)
            files = [self.each / f"{one.file_name}{self.out.suffix}" for one in chosen]
            pictures |= {path: one.after for path, one in zip(files, found, strict=True)}
        _write(pictures)
        looks = dict.fromkeys(one.look or settings["generate.look"] for one in chosen)
        seeds = dict.fromkeys(settings["generate.seed"] if one.seed is None else one.seed for one in chosen)
        return {**found[0].to_json(), "looks": list(looks), "seeds": list(seeds)}


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


def _context(home: Path | None, preset: str, assignments: list[str], file: Path | None) -> "RunContext":
    from pipeline.library.given import at_home
    from pipeline.restyle.kind import KIND
    from pipeline.stage import RunContext
    from utils.store.shared.opening import open_store

    preset, saved = saved_preset(KIND, preset, home)
    settings = KIND.settings.load(preset, assigned(assignments), file, saved).flat()
    return RunContext(open_store(home), at_home(settings, KIND.file_settings.values(), home))


def _check_place(clip: Path, picture: Path) -> None:
    """Raise an error where a picture cannot be written."""
    from utils.errors import SettingsError, WriteError

    if picture.suffix.lower() not in (".jpg", ".jpeg", ".png"):
        raise SettingsError(f"{str(picture)!r} does not end in .jpg or .png.", f"Name it {picture.stem or 'look'}.jpg.")
    if not picture.absolute().parent.is_dir():
        raise WriteError(f"There is no folder {str(picture.absolute().parent)!r}.", "Create it, or choose another.")
    if clip.exists() and picture.exists() and clip.samefile(picture):
        raise SettingsError("The picture would replace the clip itself.", "Give it another name.")


def _write(pictures: "Mapping[Path, RGB]") -> None:
    from PIL import Image

    from utils.atomic_file import explained, replacing
    from utils.image.jpeg import write_jpeg

    for path, picture in pictures.items():
        with explained(path, "Choose another place, or make room there."), replacing(path, durable=False) as part:
            if path.suffix.lower() == ".png":
                Image.fromarray(picture).save(part, "PNG")
            else:
                write_jpeg(part, picture)


def _sentences(facts: dict[str, Any], out: Path) -> str:
    """The facts of a preview in sentences."""
    person = f"Person found in {facts['found_in']} of {facts['looked_at']} frames looked at."
    several = f" in {len(facts['looks'])} looks" if len(facts["looks"]) > 1 else ""
    several += f" from {len(facts['seeds'])} seeds" if len(facts["seeds"]) > 1 else ""
    return "\n".join([f"{out}: frame {facts['at']}{several}, in {facts['seconds']:.1f} s.", person, *facts["events"]])
