"""What a database must be before anything is begun in it, and why one is refused: one sentence, and what to do.

The driver's own text is looked at for its kind and never passed on for Postgres: with an unescaped @ in a URL, a part
of the password stands in it as the host's name.
"""

import re

import sqlalchemy as sa
from dbos._migration import get_migration_versions, get_sqlite_migration_versions

from pipeline.jobs.job import JobError
from pipeline.jobs.tables import meta, schema

SCHEMA = 1
"""Version of the tables. Added columns and tables do not raise it; what older versions cannot work with does."""
ENGINE_SCHEMA = "dbos"
"""Where the durable engine keeps its tables in Postgres."""
MAY_WRITE = f"""
SELECT current_setting('transaction_read_only') = 'off'
   AND (to_regclass('reshoot_jobs') IS NOT NULL OR coalesce(has_schema_privilege(current_schema(), 'CREATE'), false))
   AND (to_regnamespace('{ENGINE_SCHEMA}') IS NOT NULL OR has_database_privilege(current_database(), 'CREATE'))
   AND NOT EXISTS (
       SELECT FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
       WHERE c.relkind = 'r'
         AND (n.nspname = '{ENGINE_SCHEMA}' OR n.nspname = current_schema() AND starts_with(c.relname, 'reshoot_'))
         AND NOT (has_schema_privilege(n.oid, 'USAGE')
                  AND has_table_privilege(c.oid, 'SELECT') AND has_table_privilege(c.oid, 'INSERT')
                  AND has_table_privilege(c.oid, 'UPDATE') AND has_table_privilege(c.oid, 'DELETE')))
"""
DENIED = ("42501", "25006")
"""SQLSTATEs of Postgres: insufficient privilege, and writing in a read-only transaction."""
WRITING = "Give its user the right to read, write and create tables there, or name another user or server."
LOGIN = "Check user and password in the URL; in a password write @ : / ? # as %40 %3A %2F %3F %23."
REFUSALS = (
    (r"resolve host|translate host", "its host has no address", f"Check the host. {LOGIN}"),
    (r"Connection refused", "nothing answers there (Connection refused)", "Check host and port, and that it runs."),
    (r"authentication failed|no password supplied|role .* does not exist|no such user|[Uu]ser not found",
     "it refuses this user or password", LOGIN),
    (r"database .* does not exist|no such database", "it has no database of that name", "Create it, or correct it."),
    (r"timeout|timed out", "it did not answer in time", "Check host, port and what is between here and there."),
    (r"pg_hba|SSL|certificate", "it does not let this machine in", "Check its rules for addresses and for encryption."),
    (r"too many|connection slots|max_client", "it has no free connection", "Raise its limit, or end who needs none."),
)  # fmt: skip
"""What Postgres and poolers say when a connection fails: why it is refused, and what to do."""


def refusal(error: Exception) -> JobError:
    """Why a database cannot be opened, without what a URL holds."""
    cause = getattr(error, "orig", error)
    if "psycopg" not in type(cause).__module__:
        why = str(cause).strip().partition("\n")[0]
        remedy = "Check that it is there, that it may be written, and its user, password and name."
    elif getattr(cause, "sqlstate", None) in DENIED:
        return _may_not_write()
    else:
        text, code = str(cause), getattr(cause, "sqlstate", None)
        kinds = (each[1:] for each in REFUSALS if re.search(each[0], text))
        unknown = f"{type(cause).__name__}{f' {code}' if code else ''}", "Check the URL, and the log of its server."
        why, remedy = next(kinds, unknown)
    return JobError(f"The database of the jobs cannot be opened: {why}.", remedy)


def check_database(url: sa.URL, engine: sa.Engine) -> None:
    """Refuse a database in which jobs cannot be kept; JobError says why. Changes nothing in it."""
    is_postgres = engine.dialect.name == "postgresql"
    if is_postgres and _loses_sessions(url):
        raise JobError(
            "The database of the jobs is behind a pooler in transaction mode, which gives each transaction another"
            " connection.",
            "Use its session mode or the database itself: at Supabase, port 5432 of the same host and not 6543.",
        )
    _check_versions(engine)
    if is_postgres:
        with engine.connect() as connection:
            if not connection.execute(sa.text(MAY_WRITE)).scalar():
                raise _may_not_write()


def version(connection: sa.Connection) -> int | None:
    """The version of the tables that are there; None where there are none, or those of before there were versions."""
    if not sa.inspect(connection).has_table(schema.name):
        return None
    return connection.execute(sa.select(schema.c.version)).scalar()


def _may_not_write() -> JobError:
    return JobError(
        "The database of the jobs may only be read by its user, or is a copy that nobody can write.", WRITING
    )


def _check_versions(engine: sa.Engine) -> None:
    """Refuse tables of versions that this one does not know, ours and those of the durable engine."""
    with engine.connect() as connection:
        if (version(connection) or 0) > SCHEMA or _must_fill(connection):
            raise _newer("Reshoot")
    if engine.dialect.name == "postgresql":
        there, latest = get_migration_versions(engine, ENGINE_SCHEMA, use_listen_notify=True)
    else:
        there, latest = get_sqlite_migration_versions(engine)
    if there > latest:
        raise _newer("DBOS")


def _newer(of: str) -> JobError:
    problem = f"The database of the jobs belongs to another version of {of}, which this one does not know."
    return JobError(problem, "Update Reshoot and its packages on this machine, or name another database.")


def _must_fill(connection: sa.Connection) -> bool:
    """Whether a table of ours has a column that this version does not know and that every new row must fill."""
    inspector = sa.inspect(connection)
    return any(
        not column["nullable"]
        and column.get("default") is None
        and column["name"] not in {each.name for each in table.c}
        for table in meta.sorted_tables
        if inspector.has_table(table.name)
        for column in inspector.get_columns(table.name)
    )


def _loses_sessions(url: sa.URL) -> bool:
    """Whether what belongs to a connection is lost between two transactions, as locks, LISTEN and prepared statements.

    Two connections that are open together have two server processes, and keep them, unless somebody between here and
    there lends these for a transaction at a time. The order of the second look is the other one, so that a pooler which
    lends in turns is seen too.
    """
    engine = sa.create_engine(url, poolclass=sa.NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as first, engine.connect() as second:
        seen = [connection.execute(sa.text("SELECT pg_backend_pid()")).scalar()
                for connection in (first, second, second, first)]  # fmt: skip
    return seen[0] == seen[1] or seen != seen[::-1]
