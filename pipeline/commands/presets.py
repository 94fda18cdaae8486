"""python -m pipeline presets: lists, saves and deletes presets of one's own."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help=__doc__.partition(": ")[2], no_args_is_help=True)

Home = Annotated[Path | None, typer.Option(help="Where they are kept; RESHOOT_HOME or ~/.reshoot otherwise.")]
Name = Annotated[str, typer.Argument(metavar="NAME", help="Its name, as --preset takes it.")]


@app.command(name="list")
def list_(home: Home = None) -> None:
    """The built-in presets, and those that were saved, with what they change."""
    from rich.console import Console
    from rich.markup import escape

    from pipeline.library.own_presets import OwnPresets
    from pipeline.settings import presets
    from utils.home import home as usual

    console = Console(highlight=False)
    for name, about in presets().items():
        console.print(f"[bold]{escape(name)}[/]  {escape(about)}")
    for own in OwnPresets(home or usual()).all():
        changes = ", ".join(f"{name}={value}" for name, value in own.settings.items()) or "nothing changed"
        console.print(f"[bold]{escape(own.name)}[/]  {own.kind} {own.preset}: {escape(changes)}")


@app.command()
def save(
    name: Name,
    kind: Annotated[str, typer.Option(help="The kind of job that it is for: restyle or steady.")] = "restyle",
    preset: Annotated[str | None, typer.Option(help="The preset that it starts from.")] = None,
    assignments: Annotated[
        list[str] | None, typer.Option("--set", metavar="GROUP.KEY=VALUE", help="Any setting; may be repeated.")
    ] = None,
    home: Home = None,
) -> None:
    """Keep settings under a name; a preset that is saved under it already is replaced."""
    from pipeline.commands.options import assigned
    from pipeline.kinds import find_kind
    from pipeline.library import inputs
    from pipeline.library.own_presets import OwnPresets
    from utils.home import home as usual

    chosen, where = find_kind(kind), home or usual()
    base, settings = OwnPresets(where).resolve(chosen, chosen.settings.USUAL_PRESET if preset is None else preset)
    settings |= assigned(assignments, chosen.settings)
    own = OwnPresets(where).save(chosen, name, base, inputs.keep_files(where, chosen, settings))
    typer.echo(f"{own.name} is saved: --preset {own.name!r} uses it.")


@app.command()
def delete(name: Name, home: Home = None) -> None:
    """Forget a saved preset; what was made with it stays."""
    from pipeline.library.own_presets import OwnPresets
    from utils.home import home as usual

    typer.echo(f"{OwnPresets(home or usual()).delete(name).name} is gone.")
