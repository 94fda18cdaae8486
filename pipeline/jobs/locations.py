"""The URL of the jobs database, and names of machines and workers. Light: imports no database code."""

import os
import secrets
import socket
from pathlib import Path
from urllib.parse import quote

from utils.atomic_file import write_atomically

DATABASE = "RESHOOT_DATABASE"
"""The variable that names the database, here and in the environment of the worker."""


def database_url(home: Path, url: str | None = None) -> str:
    """The URL of a home's database: the given one, else that of an SQLite file in the home."""
    if url and url.startswith("postgres://"):  # many hosting providers write it so; SQLAlchemy wants postgresql://
        return f"postgresql{url.removeprefix('postgres')}"
    return url or f"sqlite:///{quote(str(home.absolute() / 'jobs' / 'ledger.sqlite'))}"


def is_between_machines(url: str) -> bool:
    """Whether other machines reach a database; an SQLite file is of one home."""
    return not url.startswith("sqlite")


def worker_name(home: Path, url: str) -> str:
    """The usual name of a home's worker; on a database that machines share, two of one host name get different ones."""
    return "-".join(part for part in (machine_name(), home_mark(home, url)) if part)


def home_mark(home: Path, url: str) -> str:
    """Six letters that tell a home from others of one database, made at the first time; none for a file of its own."""
    if not is_between_machines(url):
        return ""
    file = home / "jobs" / "home.id"
    file.parent.mkdir(parents=True, exist_ok=True)
    if not file.exists():
        write_atomically(file, secrets.token_hex(3))
    return file.read_text()


def machine_name() -> str:
    """Name of this machine and its visible GPU; a restarted RunPod pod keeps its name."""
    gpu = os.environ.get("CUDA_VISIBLE_DEVICES", "")
    return "-".join(part for part in (os.environ.get("RUNPOD_POD_ID") or socket.gethostname(), gpu) if part)
