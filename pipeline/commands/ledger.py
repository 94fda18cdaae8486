"""What the commands on jobs and workers share: whose ledger, where it is, and how it is opened."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from pipeline.jobs.ledger import Ledger

DATABASE_HELP = "Where jobs are kept: a Postgres URL for several machines; RESHOOT_DATABASE, or a file in the home."
Home = Annotated[Path | None, typer.Option(help="Whose jobs; RESHOOT_HOME or ~/.reshoot otherwise.")]
Database = Annotated[str | None, typer.Option(help=DATABASE_HELP, envvar="RESHOOT_DATABASE")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for programs to read.")]


@contextmanager
def open_ledger(home: Path | None, database: str | None) -> Iterator[Ledger]:
    """The jobs of a home; an outage of their database is told in its sentences."""
    from sqlalchemy.exc import DatabaseError

    from pipeline.jobs.ledger import Ledger
    from pipeline.jobs.locations import database_url, home_mark
    from pipeline.jobs.outage import OUR_MISTAKES, outage
    from utils.home import home as usual

    where = home or usual()
    url = database_url(where, database)
    ledger = Ledger(url, home_mark(where, url))
    try:
        yield ledger
    except OUR_MISTAKES:
        raise
    except DatabaseError as error:
        raise outage(error, ledger.database) from error
    finally:
        ledger.close()


def print_json(value: object) -> None:
    """Print a value for programs."""
    import json

    typer.echo(json.dumps(value, indent=1))
