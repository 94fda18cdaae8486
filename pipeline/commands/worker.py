"""python -m pipeline worker: does the jobs of a home, one after the other, until it is stopped."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Annotated

import typer

from pipeline.commands.options import Shared

DATABASE_HELP = "Where jobs are kept: a Postgres URL for several machines; RESHOOT_DATABASE, or a file in the home."
KEEP_MODEL_HELP = "How long an engine that nobody uses stays open, with its model in memory."


def worker(
    home: Annotated[Path | None, typer.Option(help="Whose jobs; RESHOOT_HOME or ~/.reshoot otherwise.")] = None,
    database: Annotated[str | None, typer.Option(help=DATABASE_HELP, envvar="RESHOOT_DATABASE")] = None,
    name: Annotated[str | None, typer.Option(help="Of this worker, when there are several on a machine.")] = None,
    keep_model: Annotated[
        float, typer.Option(help=KEEP_MODEL_HELP, envvar="RESHOOT_KEEP_MODEL_S", min=0, metavar="SECONDS")
    ] = 600.0,
    shared: Shared = None,
) -> None:
    """Do the jobs of a home as they come. Started by the app by itself; alone, it serves the command line."""
    from rich.console import Console

    from pipeline.jobs.locations import database_url, worker_name
    from pipeline.jobs.supervisor import Supervisor
    from utils.home import home as usual
    from utils.home import use_home
    from utils.store.shared.opening import use_shared

    use_shared(shared)
    where = home or usual()
    use_home(where)
    supervisor = Supervisor(where, database_url(where, database), name or worker_name(), keep_model)
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, lambda number, frame: supervisor.stopping.set())
    Console(stderr=True, highlight=False).print(f"Working on the jobs of {where}. Ctrl-C stops; nothing is lost.")
    supervisor.run()
