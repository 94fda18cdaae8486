"""The check of the web app's port: whether it is free, and otherwise which process holds it."""

import errno
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from textwrap import shorten

from pipeline.doctor.finding import Finding
from pipeline.doctor.surroundings import Surroundings

_LISTENS = "0A"
"""The state of a listening socket in /proc/net/tcp."""


def port(where: Surroundings) -> Finding:
    """Check the port by binding it for a moment, as the app will."""
    try:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("0.0.0.0", where.port))
    except OSError as error:
        return _taken(where) if error.errno == errno.EADDRINUSE else _refused(where, error)
    return Finding("Port", "ok", f"Port {where.port} is free.")


def _taken(where: Surroundings) -> Finding:
    holder = _holder(where)
    if holder is None:
        remedy = f"`ss -ltnp` names the program, to its owner or root; or {_another(where)}"
        return Finding("Port", "problem", f"Port {where.port} is taken by a program of another user.", remedy)
    pid, words = holder
    command = shorten(" ".join(words), 80, placeholder=" ...")
    if any(Path(word).name == "app.py" for word in words):
        return Finding("Port", "note", f"Port {where.port} has an app open already: process {pid} ({command}).")
    says = f"Port {where.port} is taken by process {pid} ({command})."
    return Finding("Port", "problem", says, f"Stop it with `kill {pid}`; or {_another(where)}")


def _refused(where: Surroundings, error: OSError) -> Finding:
    return Finding("Port", "problem", f"Port {where.port} cannot be opened: {error.strerror}.", _another(where))


def _another(where: Surroundings) -> str:
    free = 7861 if where.port == 7860 else 7860
    return f"start the app on another port: `GRADIO_SERVER_PORT={free} python app.py`."


def _holder(where: Surroundings) -> tuple[int, list[str]] | None:
    """The id and command line of the process that listens on the port; None where this user may not see it."""
    sockets = {f"socket:[{inode}]" for inode in _inodes(where)}
    for process in where.proc.glob("[0-9]*"):
        with suppress(OSError):  # it ended meanwhile, or belongs to somebody else
            if any(str(link.readlink()) in sockets for link in (process / "fd").iterdir()):
                words = (process / "cmdline").read_bytes().decode(errors="replace").split("\0")
                return int(process.name), words
    return None


def _inodes(where: Surroundings) -> Iterator[str]:
    """The inodes of the sockets that listen on the port."""
    for table in ("tcp", "tcp6"):
        for row in _rows(where.proc / "net" / table):
            if row[3] == _LISTENS and int(row[1].rpartition(":")[2], 16) == where.port:
                yield row[9]


def _rows(table: Path) -> list[list[str]]:
    try:
        return [line.split() for line in table.read_text(encoding="ascii").splitlines()[1:]]
    except OSError:
        return []
