"""python -m pipeline worker: does the jobs of a home, one after the other, until it is stopped."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Annotated

import typer

from pipeline.commands.options import Shared

DATABASE_HELP = "Where jobs are kept: a Postgres URL for several machines; RESHOOT_DATABASE, or a file in the home."
KEEP_MODEL_HELP = "How long an engine that nobody uses stays open, with its model in memory."
AHEAD_HELP = (
    "How long it works ahead on a new clip, while there is no job, so that finishing it begins at once; 0 never."
)
AHEAD_MUSIC_HELP = "A folder of music that it listens to ahead, beside that of the home."
AHEAD_GB_HELP = "How much of the cache it may fill ahead in a day, in GB."


def worker(
    home: Annotated[Path | None, typer.Option(help="Whose jobs; RESHOOT_HOME or ~/.reshoot otherwise.")] = None,
    database: Annotated[str | None, typer.Option(help=DATABASE_HELP, envvar="RESHOOT_DATABASE")] = None,
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
) -> None:
    """Do the jobs of a home as they come. Started by the app by itself; alone, it serves the command line."""
    from rich.console import Console

    from pipeline.jobs.ahead import Budget
    from pipeline.jobs.locations import database_url, worker_name
    from pipeline.jobs.supervisor import Supervisor
    from utils.home import home as usual
    from utils.home import use_home
    from utils.store.shared.opening import use_shared

    use_shared(shared)
    where = home or usual()
    use_home(where)
    url, budget = database_url(where, database), Budget.of(ahead, ahead_gb, ahead_music)
    supervisor = Supervisor(where, url, name or worker_name(where, url), keep_model, budget)
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, lambda number, frame: supervisor.stopping.set())
    Console(stderr=True, highlight=False).print(f"Working on the jobs of {where}. Ctrl-C stops; nothing is lost.")
    supervisor.run()
