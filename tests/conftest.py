"""What every test shares: nothing may log an error unseen, and real clips are used where they lie."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

FOOTAGE = Path(__file__).resolve().parents[2] / "shared" / "footage"


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
