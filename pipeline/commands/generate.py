"""python -m pipeline generate: restyles one clip from the command line, without the job queue."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline.commands.fetching import ClipFile, local_file
from pipeline.commands.options import (
    Guide,
    Home,
    Keys,
    Matte,
    References,
    Shared,
    Strokes,
    Subject,
    kept_keys,
    reference_settings,
)
from pipeline.commands.running import PRESET_HELP, check, overridden, running, saved_preset, tell_estimate
from pipeline.commands.trimming import From, Part, To

if TYPE_CHECKING:
    from rich.console import Console

    from pipeline.stage import RunContext


def generate(
    clip: ClipFile,
    out: Annotated[Path, typer.Option("--out", "-o", help="The clip to write, an .mp4.")],
    preset: Annotated[str, typer.Option(help=PRESET_HELP)] = "balanced",
    engine: Annotated[str | None, typer.Option(help="What makes the new pixels; short for generate.engine.")] = None,
    look: Annotated[str | None, typer.Option(help="The style; short for generate.look.")] = None,
    prompt: Annotated[str | None, typer.Option(help="What is to be seen, for engines with a model.")] = None,
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
    file: Annotated[
        Path | None, typer.Option("--settings", help="A YAML or JSON file of settings, or an .mp4 that Reshoot made.")
    ] = None,
    report: Annotated[
        Path | None, typer.Option(help="A folder for report.html, report.json and the transforms.")
    ] = None,
    home: Home = None,
    shared: Shared = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report for programs to read.")] = False,
) -> None:
    """Restyle a clip: in goes footage, out comes the restyled clip with its own camera, and a report that proves it."""
    from rich.console import Console

    from pipeline.restyle.kind import KIND
    from utils.store.shared.opening import use_shared

    use_shared(shared)
    files = {"generate.guide": guide, "analysis.matte": matte, "analysis.strokes": strokes}
    given = {**reference_settings(reference), **files}
    preset, saved = saved_preset(KIND, preset, home)
    short = {"generate.engine": engine, "generate.look": look, "generate.prompt": prompt}
    short["generate.keys"] = kept_keys(keys, home)
    overrides = overridden(assignments or [], short, given, subject)
    settings = KIND.settings.load(preset, overrides, file, saved)
    check(Path(clip), out, report)
    part, source = Part.read(begin, end), local_file(clip, home)
    _remember(home, settings.flat())
    with running(KIND, settings.flat(), home) as context:
        values = _run(source, out, report, preset, part.of(source, context))
    if as_json:
        from pipeline.report.report import to_json

        typer.echo(to_json(values))
    else:
        _summarise(Console(highlight=False), values, out, report)


def _remember(home: Path | None, settings: Mapping[str, Any]) -> None:
    """Keep the prompt among the last ones of the home."""
    from pipeline.library.prompts import LastPrompts, prompt_of
    from utils.home import home as usual

    LastPrompts(home or usual()).remember(prompt_of(settings))


def _run(clip: Path, out: Path, report: Path | None, preset: str, context: RunContext) -> dict[str, Any]:
    """Restyle the clip, and write the result and the report where they were asked for."""
    from pipeline.processor import restyle
    from pipeline.report.report import report as report_of
    from pipeline.restyle.kind import KIND
    from pipeline.restyle.outcome import write_clip, write_report
    from pipeline.see.open_clip import open_clip

    source = open_clip(clip, context)
    tell_estimate(KIND, source, preset, context.settings)
    journey = restyle(source, context)
    write_clip(journey, out, preset)
    values = report_of(journey)
    if report is not None:
        write_report(journey, values, report)
    return values


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
