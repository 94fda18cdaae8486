"""python -m pipeline models: lists the weights of models, and fetches, verifies and removes them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline.commands.cache import AsJson, print_json, print_table
from pipeline.commands.running import STOPPED

if TYPE_CHECKING:
    from pipeline.models.finding import Found, Missing
    from pipeline.models.hub import Offer
    from pipeline.models.places import Places
    from pipeline.models.registry import Model, Registry

app = typer.Typer(
    help="The weights of models: which there are, where they are, and fetching them.", no_args_is_help=True
)

Home = Annotated[Path | None, typer.Option(help="Where models are kept; RESHOOT_HOME or ~/.reshoot otherwise.")]
Brought = Annotated[
    Path | None,
    typer.Option("--models", help="A folder of yours, with a folder NAME for each model; or RESHOOT_MODELS."),
]
Name = Annotated[str, typer.Argument(metavar="NAME", help="A model, as `list` names it.")]
WIDE = 120
"""Columns of a terminal from which on a table also says what models are good for."""
SomeName = Annotated[str | None, typer.Argument(metavar="[NAME]", help="A model; all of them otherwise.")]


@app.command("list")
def list_(home: Home = None, models: Brought = None, as_json: AsJson = False) -> None:
    """All models: size, licence, what they are good for, and whether they are here. Asks no network."""
    from pipeline.models.finding import find
    from pipeline.models.overview import overview

    places, registry = _open(home, models)
    entries = [overview(model, find(model, places)) for model in registry]
    if as_json:
        refused = [{"name": each.family, "state": "refused", "reason": each.refused} for each in registry.refused]
        return print_json([*entries, *refused])
    from rich.console import Console
    from rich.filesize import decimal

    wide = Console().width >= WIDE
    rows = [
        (
            entry["name"],
            f"{'about ' if entry['estimated'] else ''}{decimal(entry['bytes'])}",
            f"{entry['card_gb']} GB" if entry["card_gb"] else "none",
            entry["state"],
            entry["licence"],
            *([entry["good_for"]] if wide else []),
        )
        for entry in entries
    ]
    titles = ("model", "size>", "card>", "state", "licence", *(["good for"] if wide else []))
    print_table(titles, rows, "No models are known.")
    for family in registry.refused:
        typer.echo(f"{family.family} is refused: {family.refused}")


@app.command()
def where(name: SomeName = None, home: Home = None, models: Brought = None, as_json: AsJson = False) -> None:
    """Where a model is, or where it was looked for. Asks no network."""
    from pipeline.models.finding import Found, find

    places, registry = _open(home, models)
    found = [find(model, places) for model in ([registry.model(name)] if name else registry)]
    if as_json:
        print_json([_where(each) for each in found])
    else:
        for each in found:
            if isinstance(each, Found):
                typer.echo(f"{each.model.name}: {each.path}")
            else:
                typer.echo(f"{each.sentence} Looked in {', '.join(map(str, each.looked))}.")
    if name and not isinstance(found[0], Found):
        raise typer.Exit(1)


@app.command()
def fetch(
    name: Name,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Consent to what would be asked.")] = False,
    newer: Annotated[
        bool, typer.Option(help="Ask for the latest version, not the one that was fetched first.")
    ] = False,
    home: Home = None,
    models: Brought = None,
) -> None:
    """Fetch a model after showing its size, licence and place; goes on where an earlier fetch was cut off."""
    from pipeline.models.download import check_room
    from pipeline.models.finding import Found, Missing, find
    from pipeline.models.hub import ask

    places, registry = _open(home, models)
    model = registry.model(name)
    model.check_allowed()
    found = find(model, places)
    if isinstance(found, Found) and not newer:
        return typer.echo(f"{model.name} is here already: {found.path}")
    offers = [ask(each, places, newer=newer) for each in (found.absent if isinstance(found, Missing) else model.whole)]
    if isinstance(found, Found):
        here = {each.lock.commit for each in found.whole if each.lock}
        offers = [offer for offer in offers if offer.commit not in here]
        if not offers:
            return typer.echo(f"{model.name} is the latest version already: {found.path}")
    check_room(offers, places)
    _show_offers(offers, places)
    if not yes:
        _consent(model.name)
    typer.echo(f"{model.name} is here: {_download(model, offers, places).path}")


@app.command()
def verify(name: SomeName = None, home: Home = None, models: Brought = None, as_json: AsJson = False) -> None:
    """Read every byte of what is here again; what is damaged is removed, and fetched anew by `fetch`. Exit 1 if any."""
    from rich.console import Console

    from pipeline.models.finding import Found, find
    from pipeline.models.verifying import verify as verified
    from utils.errors import ModelError

    places, registry = _open(home, models)
    found = [find(model, places) for model in ([registry.model(name)] if name else registry)]
    if name and not isinstance(found[0], Found):
        raise ModelError(found[0].sentence, found[0].remedy)
    with Console(stderr=True).status("Reading every byte of the models..."):
        whole = [each for one in found if isinstance(one, Found) for each in (one.whole if name else (one,))]
        verdicts = [verified(each, places) for each in whole]
    if as_json:
        print_json([vars(verdict) for verdict in verdicts])
    for verdict in [] if as_json else verdicts:
        sound = "sound" if verdict.compared else "sound by their headers; there are no checksums of what people bring"
        again = f"Get it again with `python -m pipeline models fetch {verdict.name}`."
        damaged = f"damaged: {', '.join(verdict.damaged)}. {again}"
        typer.echo(f"{verdict.name}: {damaged if verdict.damaged else sound}")
    if not verdicts and not as_json:
        typer.echo("No model is here.")
    if any(verdict.damaged for verdict in verdicts):
        raise typer.Exit(1)


@app.command()
def remove(
    name: Name,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    home: Home = None,
    models: Brought = None,
) -> None:
    """Remove a model that was fetched; what you brought yourself stays."""
    from rich.filesize import decimal

    from pipeline.models.removal import remove as removed

    places, registry = _open(home, models)
    model = registry.model(name)
    if not yes:
        typer.confirm(f"Remove {model.name} from {places.fetched(model.checkpoint).folder}?", abort=True, err=True)
    typer.echo(f"Removed {model.name}, {decimal(removed(model, places))}.")


@app.command()
def volume(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME]...", help="Models; those for pods otherwise.")
    ] = None,
    home: Home = None,
) -> None:
    """How large the volume of a pod should be for these models, in GB."""
    from pipeline.models.volume import volume_gb

    _, registry = _open(home, None)
    chosen = (
        [registry.model(name) for name in names] if names else [each for each in registry if each.checkpoint.on_pods]
    )
    checkpoints = {each.name: each.checkpoint for model in chosen for each in model.whole}
    typer.echo(f"{volume_gb(checkpoints.values())} GB for {', '.join(model.name for model in chosen)}")


def _open(home: Path | None, brought: Path | None) -> tuple[Places, Registry]:
    from pipeline.models.places import Places
    from pipeline.models.registry import Registry

    places = Places.usual(home, brought)
    return places, Registry.load(places.home)


def _where(each: Found | Missing) -> dict[str, Any]:
    from pipeline.models.finding import Found

    if isinstance(each, Found):
        return {"name": each.model.name, "path": str(each.path), "commit": each.lock.commit if each.lock else None}
    looked = list(map(str, each.looked))
    return {"name": each.model.name, "path": None, "missing": list(each.gaps), "looked": looked, "fetch": each.command}


def _show_offers(offers: list[Offer], places: Places) -> None:
    """Print what a fetch would bring, from where, under which licence, and where it goes."""
    from rich.console import Console
    from rich.markup import escape

    from pipeline.models.overview import offered

    console = Console(stderr=True, highlight=False)
    for title, text in offered(offers, places).items():
        console.print(f"[dim]{title:<9}[/] {escape(text)}", soft_wrap=True)


def _consent(name: str) -> None:
    from utils.errors import ModelError

    if not sys.stdin.isatty():
        raise ModelError("Nothing was fetched: nobody is here to be asked.", "Consent with --yes.")
    typer.confirm(f"Fetch {name}?", abort=True, err=True)


def _download(model: Model, offers: list[Offer], places: Places) -> Found:
    """Fetch with a progress bar; Ctrl-C keeps what has arrived."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    from pipeline.models.download import fetch_all, here_bytes
    from utils.progress import Cancel
    from utils.progress import Progress as Told

    console = Console(stderr=True, highlight=False)
    columns = (BarColumn(bar_width=32), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn(compact=True),
               TextColumn("[dim]{task.description}"))  # fmt: skip
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=sum(offer.bytes for offer in offers), completed=here_bytes(offers, places))

        def listen(told: Told) -> None:
            bar.update(task, completed=told.done, description=told.note)

        try:
            return fetch_all(model, offers, places, listen, Cancel())
        except KeyboardInterrupt:
            console.print("Stopped. What has arrived is kept: the same command goes on from there.")
            raise typer.Exit(STOPPED) from None
