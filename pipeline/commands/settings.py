"""python -m pipeline settings: lists every setting with its value, its range and its help text."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from pipeline.engines.meant import Meant
    from pipeline.settings import Field, JobSettings


def settings(
    preset: Annotated[str, typer.Option(help="Show the values of this preset and mark what it changes.")] = "balanced",
    home: Annotated[
        Path | None, typer.Option(help="Where saved presets are; RESHOOT_HOME or ~/.reshoot otherwise.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print it for programs to read.")] = False,
) -> None:
    """List every setting: its value, its range, and what it does."""
    from pipeline.commands.running import saved_preset
    from pipeline.restyle.kind import KIND

    base, saved = saved_preset(KIND, preset, home)
    chosen = KIND.settings.load(base, saved=saved)
    meanings = _meanings(chosen)
    if as_json:
        facts = {name: asdict(each) for name, each in meanings.items()}
        told = {"preset": preset, "settings": _records(chosen), "engines": facts}
        typer.echo(json.dumps(told, indent=2, allow_nan=False))
        return

    from rich.console import Console

    from pipeline.settings import presets

    console = Console()
    for before, field in zip((None, *chosen.fields()), chosen.fields(), strict=False):
        if before is None or before.group != field.group:
            console.print(f"\n[bold cyan]{field.group.replace('_', ' ').capitalize()}[/]")
        _show(console, chosen, field)
    console.print()
    legend = "* is what it changes." if chosen.diff() else "It changes nothing from the defaults."
    console.print(
        f"Preset '{preset}': {presets().get(preset, f'Saved on top of {base}.')} {legend}",
        highlight=False,
        markup=False,
    )
    for name, each in meanings.items():
        console.print(f"On this machine the engine {name} takes {each}.", highlight=False)
    console.print(f"Presets: {', '.join(presets())}; choose one with --preset.", highlight=False)


def _meanings(chosen: JobSettings) -> dict[str, Meant]:
    """What the settings mean for each engine with a model, by its name."""
    from pipeline.engines import engines
    from pipeline.engines.meant import meant

    found = {engine.name: meant(engine.name, chosen.flat()) for engine in engines()}
    return {name: each for name, each in found.items() if each}


def _records(chosen: JobSettings) -> list[dict[str, object]]:
    values, changed = chosen.flat(), chosen.diff()
    return [
        {**asdict(field), "value": values[field.name], "changed": field.name in changed} for field in chosen.fields()
    ]


def _show(console: Console, chosen: JobSettings, field: Field) -> None:
    """Print a setting's name, value and range in columns, and below them its help over the whole width."""
    from rich.padding import Padding
    from rich.table import Table

    from pipeline.settings.field import present

    is_changed = field.name in chosen.diff()
    value = present(chosen.flat()[field.name])
    row = Table.grid(padding=(0, 2))
    row.add_column(width=max(len(known.name) for known in chosen.fields()), style="bold")
    row.add_column(width=12, no_wrap=True, style="yellow" if is_changed else "")
    row.add_column()
    row.add_row(field.name, f"* {value}" if is_changed else f"  {value}", field.range_text)
    console.print(row)
    console.print(Padding(field.help, (0, 0, 0, 4), expand=False), style="dim", highlight=False, markup=False)
