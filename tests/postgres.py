"""A real Postgres for tests that ends in the middle, as in a crash, and comes back."""

import subprocess
import time
from typing import Any


def postgres_is_away(server: Any, seconds: float) -> None:
    """End a server as a crash does, and start it again."""
    control = [str(server.bin_path / "pg_ctl"), "-w", "-D", str(server.pgdata)]
    options = (server.pgdata / "postmaster.opts").read_text().split(maxsplit=1)[1].replace('"', "'")
    subprocess.run([*control, "-m", "immediate", "stop"], user=server.system_user, check=True, capture_output=True)
    time.sleep(seconds)
    start = [*control, "-o", options, "-l", str(server.log), "start"]
    subprocess.run(start, user=server.system_user, check=True, stdout=subprocess.DEVNULL)
