"""A real PgBouncer before a real Postgres, on loopback."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa

START_S = 20.0


@contextmanager
def pooler(folder: Path, url: str, mode: str) -> Iterator[str]:
    """A pooler before the database of a URL, in mode session or transaction; yields the URL through it."""
    program = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if program is None:
        pytest.skip("no PgBouncer here: `apt-get install pgbouncer`")
    behind = sa.make_url(url)
    place, port = Path(str(behind.query["host"])), _free_port()
    settings = folder / f"{mode}.ini"
    settings.write_text(
        f"[databases]\n{behind.database} = host={place} dbname={behind.database} user={behind.username}\n"
        f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\nauth_type = any\n"
        f"pool_mode = {mode}\nignore_startup_parameters = extra_float_digits,options\n"
    )
    user = ["-u", place.owner()] if os.geteuid() == 0 else []  # it does not run as root, and the socket is the owner's
    with (folder / f"{mode}.log").open("wb") as log:
        process = subprocess.Popen([program, *user, settings], stdout=log, stderr=log)
    through = f"postgresql://{behind.username}:a-secret@127.0.0.1:{port}/{behind.database}"
    try:
        _until_ready(through, process)
        yield through
    finally:
        process.terminate()
        process.wait()


def _until_ready(url: str, process: "subprocess.Popen[bytes]") -> None:
    engine, until = sa.create_engine(url, poolclass=sa.NullPool), time.monotonic() + START_S
    while True:
        try:
            engine.connect().close()
            return
        except sa.exc.OperationalError:
            assert time.monotonic() < until and process.poll() is None, "the pooler did not start"
            time.sleep(0.05)


def _free_port() -> int:
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        return int(door.getsockname()[1])
