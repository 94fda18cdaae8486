"""Databases that are refused at the start, each in a sentence with a next step: real servers, poolers and users."""

from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa

from pipeline.jobs.database_check import refusal
from pipeline.jobs.job import JobError
from pipeline.jobs.ledger import Ledger
from pipeline.jobs.locations import database_url
from pipeline.jobs.tables import schema
from tests.orders import restyle_order
from tests.poolers import pooler

pytestmark = pytest.mark.slow


def refused(url: str) -> str:
    """Why a database is refused."""
    with pytest.raises(JobError) as told:
        Ledger(url, "a-home")
    assert told.value.remedy.endswith(".") and "secret" not in str(told.value)
    return str(told.value)


def change(url: str, *statements: str) -> None:
    """Change a database as its administrator."""
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with engine.connect() as connection:
        for each in statements:
            connection.execute(sa.text(each))


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database with the tables of this version."""
    found = database_url(tmp_path, request.getfixturevalue("postgres")() if request.param == "postgres" else None)
    Ledger(found, "a-home").close()
    return found


@pytest.fixture
def reader(postgres: Callable[[], str]) -> Iterator[Callable[[str], str]]:
    """Makes a user who may read a database and nothing else; gives its URL for that user."""
    made: list[str] = []

    def make(url: str) -> str:
        name = f"reader_of_{sa.make_url(url).database}"
        change(url, f"CREATE ROLE {name} LOGIN PASSWORD 'secret'", f"GRANT pg_read_all_data TO {name}")
        made.append(name)
        return sa.make_url(url).set(username=name, password="secret").render_as_string(hide_password=False)

    yield make
    for name in made:
        change(postgres(), f"REVOKE pg_read_all_data FROM {name}", f"DROP ROLE {name}")


def test_a_pooler_in_transaction_mode_is_refused_and_one_in_session_mode_is_not(
    postgres: Callable[[], str], tmp_path: Path
) -> None:
    url = postgres()
    with pooler(tmp_path, url, "transaction") as through:
        said = refused(through)
        assert "pooler in transaction mode" in said and "5432" in said and "6543" in said
    with sa.create_engine(url, poolclass=sa.NullPool).connect() as connection:
        assert not sa.inspect(connection).get_table_names(), "nothing was begun"
    with pooler(tmp_path, url, "session") as through:
        ledger = Ledger(through, "a-home")
        assert ledger.get(ledger.submit(restyle_order("/a.mp4", "a.mp4")).id)
        ledger.close()


def test_a_transaction_pooler_that_others_use_as_well_is_seen(postgres: Callable[[], str], tmp_path: Path) -> None:
    with pooler(tmp_path, postgres(), "transaction") as through:
        engine = sa.create_engine(through)
        with engine.connect() as first, engine.connect() as second:
            first.execute(sa.text("SELECT 1"))
            second.execute(sa.text("SELECT 1"))
            assert "transaction mode" in refused(through), "two of its connections are taken"
        assert "transaction mode" in refused(through), "two of its connections are free"
        engine.dispose()


def test_tables_of_a_newer_version_are_refused(url: str) -> None:
    change(url, "UPDATE reshoot_schema SET version = 99")
    assert "another version of Reshoot" in refused(url)


def test_tables_that_want_what_this_version_does_not_know_are_refused(url: str) -> None:
    change(url, "ALTER TABLE reshoot_workers ADD COLUMN colour INTEGER")
    Ledger(url, "a-home").close()
    change(url, "DROP TABLE reshoot_workers", "CREATE TABLE reshoot_workers (name VARCHAR, colour INTEGER NOT NULL)")
    assert "another version of Reshoot" in refused(url)


def test_tables_of_a_newer_engine_are_refused(url: str) -> None:
    table = "dbos.dbos_migrations" if url.startswith("postgresql") else "dbos_migrations"
    change(url, f"UPDATE {table} SET version = version + 1")
    assert "another version of DBOS" in refused(url)


def test_tables_of_before_there_were_versions_get_one(url: str) -> None:
    change(url, "DROP TABLE reshoot_schema")
    ledger = Ledger(url, "a-home")
    with ledger.engine.connect() as connection:
        assert connection.execute(sa.select(schema.c.version)).scalars().all() == [1]
    ledger.close()


def test_a_user_who_may_only_read_is_refused(postgres: Callable[[], str], reader: Callable[[str], str]) -> None:
    empty, used = postgres(), postgres()
    Ledger(used, "a-home").close()
    for url in (empty, used):
        assert "may only be read by its user" in refused(reader(url))
    change(used, f"ALTER DATABASE {sa.make_url(used).database} SET default_transaction_read_only = on")
    assert "may only be read" in refused(used), "as a server that follows another one"


def test_a_wrong_login_or_name_is_told_in_words_of_its_own(postgres: Callable[[], str]) -> None:
    there = sa.make_url(postgres())
    assert "no database of that name" in refused(str(there.set(database="nowhere").render_as_string(False)))
    assert "refuses this user" in refused(str(there.set(username="nobody").render_as_string(False)))


def test_a_password_with_an_unescaped_sign_does_not_come_out_as_a_host() -> None:
    said = refused("postgresql://ada:half@secret@nohost.invalid/x")
    assert "host has no address" in said and "%40" in said and "half" not in said


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (
            'connection failed: FATAL:  password authentication failed for user "secret"',
            "refuses this user or password",
        ),
        ("connection failed: FATAL:  Tenant or user not found", "refuses this user or password"),
        ("connection failed: FATAL:  sorry, too many clients already", "no free connection"),
        ("connection timeout expired", "did not answer in time"),
        ('FATAL:  no pg_hba.conf entry for host "secret"', "does not let this machine in"),
        ("something of the year 2031 with a secret", "OperationalError"),
    ],
)
def test_what_a_server_says_is_told_without_its_words(text: str, why: str) -> None:
    told = refusal(sa.exc.OperationalError("", {}, psycopg.OperationalError(text)))
    assert why in told.problem and told.remedy and "secret" not in str(told)
