"""python -m pipeline worker: does the jobs of a home, one after the other, until it is stopped; also list and drain."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline.commands.ledger import AsJson, Database, Home, open_ledger, print_json
from pipeline.commands.options import CardPrice, Shared

if TYPE_CHECKING:
    from pipeline.jobs.job import WorkerSign

KEEP_MODEL_HELP = "How long an engine that nobody uses stays open, with its model in memory."
AHEAD_HELP = (
    "How long it works ahead on a new clip, while there is no job, so that finishing it begins at once; 0 never."
)
AHEAD_MUSIC_HELP = "A folder of music that it listens to ahead, beside that of the home."
AHEAD_GB_HELP = "How much of the cache it may fill ahead in a day, in GB."


app = typer.Typer(invoke_without_command=True)


@app.callback()
def worker(
    context: typer.Context,
    home: Home = None,
    database: Database = None,
    name: Annotated[str | None, typer.Option(help="Of this worker, when there are several on a machine.")] = None,
    keep_model: Annotated[
        float, typer.Option(help=KEEP_MODEL_HELP, envvar="RESHOOT_KEEP_MODEL_S", min=0, metavar="SECONDS")
    ] = 600.0,
    ahead: Annotated[float, typer.Option(help=AHEAD_HELP, envvar="RESHOOT_AHEAD_S", min=0, metavar="SECONDS")] = 600.0,
    ahead_gb: Annotated[float, typer.Option(help=AHEAD_GB_HELP, envvar="RESHOOT_AHEAD_GB", min=0)] = 2.0,
    ahead_music: Annotated[
        Path | None, typer.Option(help=AHEAD_MUSIC_HELP, envvar="RESHOOT_AHEAD_MUSIC", exists=True, file_okay=False)
    ] = None,
    shared: Shared = None,
    card_price: CardPrice = None,
) -> None:
    """Do the jobs of a home as they come. Started by the app by itself; alone, it serves the command line.

    With a database and a cache that several homes share it also makes windows of the others' jobs: docs/pods.md.
    """
    if context.invoked_subcommand:
        return
    from rich.console import Console

    from pipeline.jobs.costs import use_price
    from pipeline.jobs.locations import database_url, is_between_machines, worker_name
    from pipeline.jobs.workers.ahead import Budget
    from pipeline.jobs.workers.supervisor import Supervisor
    from utils.home import home as usual
    from utils.home import use_home
    from utils.store.shared.opening import check_shared, use_shared

    use_shared(shared)
    use_price(card_price)
    where = home or usual()
    use_home(where)
    url, budget = database_url(where, database), Budget.of(ahead, ahead_gb, ahead_music)
    check_shared(writes=is_between_machines(url))
    supervisor = Supervisor(where, url, name or worker_name(where, url), keep_model, budget)
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, lambda number, frame: supervisor.stopping.set())
    Console(stderr=True, highlight=False).print(f"Working on the jobs of {where}. Ctrl-C stops; nothing is lost.")
    supervisor.run()


@app.command(name="list")
def list_(home: Home = None, database: Database = None, as_json: AsJson = False) -> None:
    """Every worker of the database: what it computes on, what it does, and when it gave its last sign."""
    import time

    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from pipeline.jobs.line import in_hand

    with open_ledger(home, database) as ledger:
        signs, making, parts = ledger.workers(), in_hand(ledger.workflows), ledger.parts()
    if as_json:
        print_json([_plain(sign, making.get(sign.name, []), parts.get(sign.name, [])) for sign in signs])
        return
    table = Table(box=None, pad_edge=False)
    for column in ("worker", "on", "does", "made", "card used", "idle", "an hour", "last sign"):
        table.add_column(column)
    for sign in signs:
        does = [f"job {sign.job[:8]}"] * bool(sign.job) + [f"a {part}" for part in making.get(sign.name, [])]
        does += ["leaves when it is done"] * sign.is_leaving
        ago = f"{max(0.0, time.time() - sign.beat_at):.0f} s ago"
        made = ", ".join(f"{count} of {total} parts of {job[:8]}" for job, count, total in parts.get(sign.name, []))
        times = f"{sign.used_s:.0f} s", f"{sign.idle_s:.0f} s", "" if sign.price is None else f"{sign.price:g}"
        table.add_row(escape(sign.name), escape(sign.device), ", ".join(does) or "waits", made, *times, ago)
    Console(highlight=False).print(table if signs else "No worker is running.")


def _plain(sign: WorkerSign, makes: list[str], parts: list[tuple[str, int, int]]) -> dict[str, Any]:
    """A worker for programs."""
    made = [{"job": job, "parts": count, "of": total} for job, count, total in parts]
    return {**vars(sign), "idle_s": sign.idle_s, "makes": makes, "made": made}


@app.command()
def drain(
    name: Annotated[str, typer.Argument(help="As `worker list` shows it.")],
    home: Home = None,
    database: Database = None,
) -> None:
    """Let a worker finish what it has, take nothing new, and end."""
    with open_ledger(home, database) as ledger:
        ledger.send_away(name)
    typer.echo(f"{name} ends when it has finished what it has.")
