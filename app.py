"""`python app.py` starts the web app, and beside it a supervised worker that runs the jobs.

The port is opened first, before anything heavy is imported, so that an early browser waits instead of being refused.
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
    sys.exit(f"{missing.name} is missing. Run `make run`, or `pip install -r requirements-core.txt` into this Python.")

from utils.disk import full_disk, out_of_room
from utils.errors import ReshootError

if TYPE_CHECKING:
    from fastapi import FastAPI

    from pipeline.jobs.workers.supervisor import Supervisor
    from ui.studio import Studio

STOP_S = 9.5
OPEN_PAGES_S = 2
KEEP_MODEL_HELP = "How long the worker keeps an engine open that nobody uses, with its model in memory."
AHEAD_HELP = "How long the worker works ahead on a new clip, while there is no job; 0 is not at all."
AHEAD_MUSIC_HELP = "A folder of music that it listens to ahead, beside that of the home."
AHEAD_GB_HELP = "How much of the cache it may fill ahead in a day, in GB."
ADDRESSES_HELP = "Whether clips may be given by http(s) addresses; else only where no other machine reaches the app."
SHARED_HELP = "A cache that several homes share, s3://BUCKET/PREFIX or a folder; RESHOOT_SHARED otherwise."
CARD_PRICE_HELP = "What an hour of this machine's card costs, a plain number: jobs tell then what they cost."
DATABASE_HELP = "Where jobs are kept: a Postgres URL for several machines; a file in the home otherwise."


class HomeError(ReshootError):
    """The home folder cannot be used."""


def main(
    host: Annotated[str, typer.Option(envvar=["RESHOOT_HOST", "GRADIO_SERVER_NAME"])] = "127.0.0.1",
    port: Annotated[int, typer.Option(envvar=["RESHOOT_PORT", "GRADIO_SERVER_PORT"], min=0, max=65535)] = 7860,
    home: Annotated[Path | None, typer.Option(help="What is kept; RESHOOT_HOME or ~/.reshoot otherwise.")] = None,
    auth: Annotated[
        list[str] | None, typer.Option(envvar="RESHOOT_AUTH", metavar="USER:PASSWORD", help="Who may come in.")
    ] = None,
    database: Annotated[str | None, typer.Option(help=DATABASE_HELP, envvar="RESHOOT_DATABASE")] = None,
    addresses: Annotated[bool | None, typer.Option(help=ADDRESSES_HELP, envvar="RESHOOT_ADDRESSES")] = None,
    worker: Annotated[bool, typer.Option(help="Keep a worker here; without, others do the work.")] = True,
    keep_model: Annotated[
        float, typer.Option(help=KEEP_MODEL_HELP, envvar="RESHOOT_KEEP_MODEL_S", min=0, metavar="SECONDS")
    ] = 600.0,
    ahead: Annotated[float, typer.Option(help=AHEAD_HELP, envvar="RESHOOT_AHEAD_S", min=0, metavar="SECONDS")] = 600.0,
    ahead_gb: Annotated[float, typer.Option(help=AHEAD_GB_HELP, envvar="RESHOOT_AHEAD_GB", min=0)] = 2.0,
    ahead_music: Annotated[
        Path | None, typer.Option(help=AHEAD_MUSIC_HELP, envvar="RESHOOT_AHEAD_MUSIC", exists=True, file_okay=False)
    ] = None,
    shared: Annotated[str | None, typer.Option(help=SHARED_HELP, metavar="PLACE")] = None,
    card_price: Annotated[
        float | None, typer.Option(help=CARD_PRICE_HELP, envvar="RESHOOT_CARD_PRICE", min=0, metavar="PRICE")
    ] = None,
) -> None:
    """Open the studio. Jobs go on where they were, whatever stopped them."""
    from pipeline.jobs.locations import database_url, is_between_machines
    from utils.home import home as usual
    from utils.home import use_home
    from utils.store.shared.opening import check_shared, use_shared

    where = (home or usual()).expanduser().absolute()
    use_home(where)
    if card_price is not None:
        os.environ["RESHOOT_CARD_PRICE"] = repr(card_price)  # for the worker, which asks for it
    try:
        use_shared(shared)
        check_shared(writes=is_between_machines(database_url(where, database)))
        works = (keep_model, ahead, ahead_gb, ahead_music) if worker else None
        _open(host, port, where, auth or [], database, works, addresses)
    except ReshootError as error:
        sys.exit(str(error))
    except OSError as error:
        if not out_of_room(error):
            raise
        sys.exit(str(full_disk(where)))


def _open(
    host: str, port: int, home: Path, auth: list[str], database: str | None,
    works: tuple[float, float, float, Path | None] | None, addresses: bool | None,
) -> None:  # fmt: skip
    """Check everything that may be refused, and only then import the heavy modules and serve."""
    from pipeline.jobs.locations import database_url, home_mark, machine_name, worker_name
    from ui.sessions import open_authenticator, parse_logins
    from ui.socket import announce, bind, only_here

    passwords = parse_logins(auth)
    with bind(host, port) as listener, _single_instance(home, machine_name()):
        os.environ.setdefault("GRADIO_TEMP_DIR", str(home / "forms"))
        authenticator, password = open_authenticator(home, passwords, public="RUNPOD_POD_ID" in os.environ)
        announce(listener, authenticator, password)

        from pipeline.jobs.ledger import Ledger
        from pipeline.jobs.workers.ahead import Budget
        from pipeline.jobs.workers.supervisor import Supervisor
        from pipeline.library.showcase import prepare
        from ui.cleanup import run_cleanup
        from ui.server import build
        from ui.studio import Studio

        url = database_url(home, database)
        ledger, over = Ledger(url, home_mark(home, url)), threading.Event()
        studio = Studio(home, ledger, takes_addresses=only_here(host) if addresses is None else addresses)
        threading.Thread(target=run_cleanup, args=(studio, over), name="cleanup", daemon=True).start()
        threading.Thread(target=prepare, args=(home,), name="showcase", daemon=True).start()
        try:
            supervisor = None
            if works:
                keep_model_s, clip_s, day_gb, music = works
                supervisor = Supervisor(
                    home, url, worker_name(home, url), keep_model_s, Budget.of(clip_s, day_gb, music)
                )
            _serve(studio, build(studio, authenticator, hosts=(host,)), listener, supervisor)
        finally:
            over.set()
            ledger.close()


def _serve(studio: Studio, app: FastAPI, listener: object, supervisor: Supervisor | None) -> None:
    """Serve until a stop signal; then end the server and the worker within ten seconds."""
    import uvicorn

    class Server(uvicorn.Server):
        """A server whose stop signals also stop the worker at once, instead of after the last open page."""

        def handle_exit(self, sig: int, frame: object) -> None:
            if supervisor:
                supervisor.stopping.set()
            for close in studio.closing:
                close()
            super().handle_exit(sig, frame)  # type: ignore[arg-type]

    # Uvicorn trusts X-Forwarded-For from localhost by default, so any local process could forge its address.
    proxies = os.environ.get("FORWARDED_ALLOW_IPS", "")
    config = uvicorn.Config(
        app,
        log_level="warning",
        timeout_graceful_shutdown=OPEN_PAGES_S,
        server_header=False,
        forwarded_allow_ips=proxies,
    )
    thread = threading.Thread(target=supervisor.run, name="supervisor") if supervisor else None
    if thread:
        thread.start()
    for stop_signal in (signal.SIGTERM, signal.SIGINT):
        # Uvicorn installs its own handlers, restores these at its end, and raises the signal again, which must then do
        # nothing. SIG_IGN would not do: the worker process would inherit it.
        signal.signal(stop_signal, lambda number, frame: None)
    try:
        Server(config).run(sockets=[listener])  # type: ignore[list-item]
    finally:
        if supervisor and thread:
            supervisor.stopping.set()
            thread.join(STOP_S)


@contextmanager
def _single_instance(home: Path, name: str) -> Iterator[None]:
    """Hold a file lock, so that only one app per home and machine runs."""
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
