"""python app.py: the studio in a browser. It shows and asks; a worker beside it does the work.

The port is taken first, so that a browser that comes early waits for the page instead of being refused.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

try:
    import typer
except ModuleNotFoundError as missing:
    sys.exit(f"{missing.name} is missing. Run `make run`, or `pip install -r requirements.txt` into this Python.")

from utils.disk import full_disk, out_of_room
from utils.errors import ReshootError

if TYPE_CHECKING:
    from fastapi import FastAPI

    from pipeline.jobs.supervisor import Supervisor
    from ui.studio import Studio

STOP_S = 9.5
OPEN_PAGES_S = 2
KEEP_MODEL_HELP = "How long the worker keeps an engine open that nobody uses, with its model in memory."
DATABASE_HELP = "Where jobs are kept: a Postgres URL for several machines; a file in the home otherwise."


class HomeError(ReshootError):
    """The home cannot be used."""


def main(
    host: Annotated[str, typer.Option(envvar=["RESHOOT_HOST", "GRADIO_SERVER_NAME"])] = "127.0.0.1",
    port: Annotated[int, typer.Option(envvar=["RESHOOT_PORT", "GRADIO_SERVER_PORT"], min=0, max=65535)] = 7860,
    home: Annotated[Path | None, typer.Option(help="What is kept; RESHOOT_HOME or ~/.reshoot otherwise.")] = None,
    auth: Annotated[
        list[str] | None, typer.Option(envvar="RESHOOT_AUTH", metavar="USER:PASSWORD", help="Who may come in.")
    ] = None,
    database: Annotated[str | None, typer.Option(help=DATABASE_HELP, envvar="RESHOOT_DATABASE")] = None,
    worker: Annotated[bool, typer.Option(help="Keep a worker here; without, others do the work.")] = True,
    keep_model: Annotated[
        float, typer.Option(help=KEEP_MODEL_HELP, envvar="RESHOOT_KEEP_MODEL_S", min=0, metavar="SECONDS")
    ] = 600.0,
) -> None:
    """Open the studio. Jobs go on where they were, whatever stopped them."""
    from utils.home import home as usual

    where = (home or usual()).expanduser().absolute()
    try:
        _open(host, port, where, auth or [], database, keep_model if worker else None)
    except ReshootError as error:
        sys.exit(str(error))
    except OSError as error:
        if not out_of_room(error):
            raise
        sys.exit(str(full_disk(where)))


def _open(host: str, port: int, home: Path, auth: list[str], database: str | None, keep_model: float | None) -> None:
    """Everything that can be refused comes before anything heavy is loaded."""
    from pipeline.jobs.locations import database_url, worker_name
    from ui.sessions import open_keys, read_people
    from ui.socket import bound, greet

    passwords = read_people(auth)
    with bound(host, port) as door, _alone(home, worker_name()):
        os.environ.setdefault("GRADIO_TEMP_DIR", str(home / "forms"))
        keys, made = open_keys(home, passwords, public="RUNPOD_POD_ID" in os.environ)
        greet(door, keys, made)

        from pipeline.jobs.ledger import Ledger
        from pipeline.jobs.supervisor import Supervisor
        from ui.cleanup import sweeping
        from ui.server import build
        from ui.studio import Studio

        url = database_url(home, database)
        ledger, over = Ledger(url), threading.Event()
        studio = Studio(home, ledger)
        threading.Thread(target=sweeping, args=(studio, over), name="caretaker", daemon=True).start()
        try:
            keeper = None if keep_model is None else Supervisor(home, url, worker_name(), keep_model)
            _serve(studio, build(studio, keys, hosts=(host,)), door, keeper)
        finally:
            over.set()
            ledger.close()


def _serve(studio: Studio, app: FastAPI, door: object, keeper: Supervisor | None) -> None:
    """Until a signal comes; then the worker and all end within ten seconds."""
    import uvicorn

    class Server(uvicorn.Server):
        """Its signals stop the worker at the same moment."""

        def handle_exit(self, sig: int, frame: object) -> None:
            if keeper:
                keeper.stopping.set()
            for close in studio.closing:
                close()
            super().handle_exit(sig, frame)  # type: ignore[arg-type]

    proxies = os.environ.get(
        "FORWARDED_ALLOW_IPS", ""
    )  # or whoever is on this machine could name any address as theirs
    config = uvicorn.Config(
        app,
        log_level="warning",
        timeout_graceful_shutdown=OPEN_PAGES_S,
        server_header=False,
        forwarded_allow_ips=proxies,
    )
    thread = threading.Thread(target=keeper.run, name="keeper") if keeper else None
    if thread:
        thread.start()
    for each in (signal.SIGTERM, signal.SIGINT):
        # Uvicorn has its own, and sends itself what it got when it is done. Not SIG_IGN: a worker would inherit that.
        signal.signal(each, lambda number, frame: None)
    try:
        Server(config).run(sockets=[door])  # type: ignore[list-item]
    finally:
        if keeper and thread:
            keeper.stopping.set()
            thread.join(STOP_S)


@contextmanager
def _alone(home: Path, name: str) -> Iterator[None]:
    """One app a home and machine."""
    from utils.store.lease import if_free

    folder = home / "jobs"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        problem = f"The home {str(home)!r} cannot be made: {error.strerror}."
        raise HomeError(problem, "Give --home a folder that you may write to.") from error
    with if_free(folder / f"app-{name}.lock") as mine:
        if not mine:
            raise HomeError(f"An app is open for {home} already.", "Use that one, stop it, or give another --home.")
        yield


if __name__ == "__main__":
    typer.run(main)
