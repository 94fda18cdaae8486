"""python -m pipeline generate: restyles one clip from the command line, without the job queue."""

from __future__ import annotations

import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from pipeline.settings import Settings
    from pipeline.stage import RunContext
    from utils.progress import Cancel, Listener

STOPPED = 130
"""The exit code of a program that was interrupted."""


def generate(
    clip: Annotated[Path, typer.Argument(help="The clip to restyle.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="The clip to write, an .mp4.")],
    preset: Annotated[str, typer.Option(help="fast, balanced or quality.")] = "balanced",
    engine: Annotated[str | None, typer.Option(help="What makes the new pixels; short for generate.engine.")] = None,
    look: Annotated[str | None, typer.Option(help="The style; short for generate.look.")] = None,
    reference: Annotated[Path | None, typer.Option(help="A picture whose colours the result takes on.")] = None,
    assignments: Annotated[
        list[str] | None, typer.Option("--set", metavar="GROUP.KEY=VALUE", help="Any setting; may be repeated.")
    ] = None,
    file: Annotated[
        Path | None, typer.Option("--settings", help="A YAML or JSON file of settings, or an .mp4 that Reshoot made.")
    ] = None,
    report: Annotated[
        Path | None, typer.Option(help="A folder for report.html, report.json and the transforms.")
    ] = None,
    home: Annotated[
        Path | None, typer.Option(help="Where results are cached; RESHOOT_HOME or ~/.reshoot otherwise.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report for programs to read.")] = False,
) -> None:
    """Restyle a clip: in goes footage, out comes the restyled clip with its own camera, and a report that proves it."""
    from rich.console import Console

    from utils.errors import Cancelled

    settings = _settings(preset, file, assignments or [], engine, look, reference)
    _check(clip, out, report)
    console = Console(stderr=True, highlight=False)
    try:
        with _interruptible() as cancel, _shown(console) as listener:
            values = _run(clip, out, report, preset, _context(home, settings, listener, cancel))
    except (KeyboardInterrupt, Cancelled):
        console.print("Stopped. What was finished is kept: the same command goes on from there.")
        raise typer.Exit(STOPPED) from None
    if as_json:
        from pipeline.report.report import to_json

        typer.echo(to_json(values))
    else:
        _summarise(Console(highlight=False), values, out, report)


def _settings(
    preset: str, file: Path | None, assignments: list[str], engine: str | None, look: str | None, reference: Path | None
) -> Settings:
    """The settings of a run, from all options of the command line."""
    from pipeline.settings import Settings, read_assignments
    from utils.errors import SettingsError

    overrides: dict[str, Any] = dict(read_assignments(assignments))
    short = {
        "generate.engine": engine,
        "generate.look": look,
        "generate.reference": str(reference.absolute()) if reference else None,
    }
    for name, value in short.items():
        if value is not None and overrides.setdefault(name, value) != value:
            raise SettingsError(f"{name} is set twice, to {overrides[name]} and to {value}.", "Set it once.")
    return Settings.load(preset, overrides, file)


def _check(clip: Path, out: Path, report: Path | None) -> None:
    """Raise an error for everything that is known to fail before anything is computed."""
    from utils.errors import SettingsError, WriteError

    if out.suffix.lower() != ".mp4":
        raise SettingsError(f"{str(out)!r} does not end in .mp4.", f"Name it {out.stem or 'result'}.mp4.")
    if not out.absolute().parent.is_dir():
        raise WriteError(f"There is no folder {str(out.absolute().parent)!r}.", "Create it, or choose another one.")
    if out.is_dir():
        raise WriteError(f"{str(out)!r} is a folder.", "Name a file in it.")
    if clip.exists() and out.exists() and clip.samefile(out):
        raise SettingsError("The result would replace the clip itself.", "Give --out another name.")
    if report is not None and report.exists() and not report.is_dir():
        raise WriteError(f"{str(report)!r} is not a folder.", "Give --report the name of a folder.")
    for path in (out, report):
        if path is not None:
            _check_place(path.absolute())


def _check_place(path: Path) -> None:
    """Check that the nearest existing folder can be written to, by writing to it."""
    from utils.errors import WriteError

    folder = next(parent for parent in (path, *path.parents) if parent.is_dir())
    try:
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise WriteError(
            f"Nothing can be written to {str(folder)!r}: {error.strerror}.", "Make room there, or choose another place."
        ) from error


def _context(home: Path | None, settings: Settings, listener: Listener, cancel: Cancel) -> RunContext:
    from pipeline.library.references import at_home
    from pipeline.stage import RunContext
    from utils.home import cache_folder
    from utils.store import Store

    return RunContext(Store(cache_folder(home)), at_home(settings.flat(), home), listener, cancel)


def _run(clip: Path, out: Path, report: Path | None, preset: str, context: RunContext) -> dict[str, Any]:
    """Restyle the clip, and write the result and the report where they were asked for."""
    from pipeline.library.export import deliver, write_report
    from pipeline.processor import restyle
    from pipeline.report.report import report as report_of
    from pipeline.see.open_clip import open_clip

    journey = restyle(open_clip(clip, context), context)
    deliver(journey, out, preset)
    values = report_of(journey)
    if report is not None:
        write_report(journey, values, report)
    return values


@contextmanager
def _interruptible() -> Iterator[Cancel]:
    """Treat SIGTERM like Ctrl-C, and ignore further signals, which must not interrupt the cleaning up.

    Work that misses the interrupt, as it can inside a library's callback, stops at its next step.
    """
    from utils.progress import Cancel

    cancel = Cancel()

    def stop(number: int, frame: object) -> None:
        for received in before:
            signal.signal(received, signal.SIG_IGN)
        cancel.ask()
        raise KeyboardInterrupt

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield cancel
    finally:
        if not cancel.asked:
            for received, handler in before.items():
                signal.signal(received, handler)


@contextmanager
def _shown(console: Console) -> Iterator[Listener]:
    """A progress bar for every kind of stage, with its speed and the time left."""
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    from pipeline.stage_texts import kind_of
    from utils.progress import Progress as StageProgress

    columns = (
        TextColumn("{task.description:<12}"),
        BarColumn(bar_width=32),
        TextColumn("{task.percentage:>4.0f}%"),
        TextColumn("{task.fields[pace]:>12}"),
        TimeRemainingColumn(compact=True),
        TextColumn("[dim]{task.fields[note]}"),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal) as bars:
        tasks: dict[str, Any] = {}
        started: dict[str, float] = {}

        def listen(progress: StageProgress) -> None:
            name = kind_of(progress.stage)
            if name not in tasks:
                tasks[name], started[name] = bars.add_task(name, total=None, pace="", note=""), time.monotonic()
            seconds = time.monotonic() - started[name]
            pace = f"{progress.done / seconds:.1f} frames/s" if progress.done > 1 and seconds > 0.5 else ""
            fields: dict[str, Any] = {"pace": pace} if pace else {}
            bars.update(tasks[name], completed=progress.done, total=progress.total, note=progress.note, **fields)

        yield listen


def _summarise(console: Console, values: dict[str, Any], out: Path, report: Path | None) -> None:
    """Print the result, its key figures and its events."""
    from rich.markup import escape

    cached = sum(stage["cache"] == "hit" for stage in values["stages"])
    console.print(f"[bold]{escape(str(out))}[/]: {values['frames_out']} frames in {values['seconds']:.1f} s", end="")
    console.print(f", {cached} of {len(values['stages'])} steps from the cache." if cached else ".")
    for name, value in _figures(values):
        console.print(f"  {name:<20}{value}")
    for event in values["events"]:
        colour = "yellow" if event["level"] == "warning" else "dim"
        console.print(f"  [{colour}]{escape(event['sentence'])}[/]")
    if report is not None:
        console.print(f"  Report: {escape(str(report / 'report.html'))}")


def _figures(values: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """The key figures of a report, each with its name."""
    camera, slide = values["camera"], values["slide_px"]
    yield "camera jerk", f"{camera['jerk_before']:.2f} px, {camera['jerk_after']:.3f} px while the engine worked"
    segments = ", ".join(f"{each['name']} {each['start']}-{each['stop'] - 1}" for each in values["segments"])
    yield "segments", segments
    if values["edit_magnitude"] is not None:
        yield "change", f"{values['edit_magnitude']:.1f} Delta E in the person"
    if values["warp_error"]["ratio"] is not None:
        yield "steadiness", f"{values['warp_error']['ratio']:.2f} times the source's own change along its motion"
    if slide["locked"] and None not in (slide["before"], slide["after"]):
        yield "feet", f"{slide['before']:.2f} px of slide while planted, {slide['after']:.2f} px after the lock"
    elif slide["after"] is not None:
        yield "feet", f"{slide['after']:.2f} px of slide while planted"
