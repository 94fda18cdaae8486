"""Where jobs are kept, and under which name a worker of this machine goes. Light: nothing of the database is loaded."""

import os
import socket
from pathlib import Path
from urllib.parse import quote


def database_url(home: Path, said: str | None = None) -> str:
    """The database of a home: the one that was said, or a file in it."""
    if said and said.startswith("postgres://"):  # as those write it who rent databases out
        return f"postgresql{said.removeprefix('postgres')}"
    return said or f"sqlite:///{quote(str(home.absolute() / 'jobs' / 'ledger.sqlite'))}"


def worker_name() -> str:
    """One for each machine and the GPU that it may use; a pod keeps its own when it starts again."""
    gpu = os.environ.get("CUDA_VISIBLE_DEVICES", "")
    return "-".join(part for part in (os.environ.get("RUNPOD_POD_ID") or socket.gethostname(), gpu) if part)
