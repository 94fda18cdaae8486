"""The URL of the jobs database and the name of this machine's worker. Light: imports no database code."""

import os
import socket
from pathlib import Path
from urllib.parse import quote


def database_url(home: Path, url: str | None = None) -> str:
    """The URL of a home's database: the given one, else that of an SQLite file in the home."""
    if url and url.startswith("postgres://"):  # many hosting providers write it so; SQLAlchemy wants postgresql://
        return f"postgresql{url.removeprefix('postgres')}"
    return url or f"sqlite:///{quote(str(home.absolute() / 'jobs' / 'ledger.sqlite'))}"


def worker_name() -> str:
    """Name of a worker: one per machine and visible GPU; a restarted RunPod pod keeps its name."""
    gpu = os.environ.get("CUDA_VISIBLE_DEVICES", "")
    return "-".join(part for part in (os.environ.get("RUNPOD_POD_ID") or socket.gethostname(), gpu) if part)
