"""The door: the port that the app is reached by, and what is said of it."""

import errno
import os
import socket
import sys

from ui.sessions import USER, Keys
from utils.errors import ReshootError

HERE = ("127.0.0.1", "::1")
WAITING_PAGES = 256


class PortError(ReshootError):
    """The port cannot be had."""


def bound(host: str, port: int) -> socket.socket:
    """The port, held from now on; one that is taken is never exchanged for another behind its user's back."""
    door = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    door.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # or each answer's last packet waits 40 ms for a receipt
    try:
        door.bind((host, port))
        door.listen(WAITING_PAGES)
    except OSError as error:
        door.close()
        raise _refused(host, port, error) from error
    return door


def _refused(host: str, port: int, error: OSError) -> PortError:
    if error.errno == errno.EADDRINUSE:
        problem = f"Port {port} is taken, perhaps by another Reshoot that is open."
        return PortError(problem, f"`python -m pipeline doctor` names who has it; or give --port {port + 1}.")
    return PortError(f"{host}:{port} cannot be opened: {error.strerror or error}.", "Give another --host or --port.")


def greet(door: socket.socket, keys: Keys, made: str | None) -> None:
    """Say where the page is, and the password if one was made just now."""
    host, port = door.getsockname()[:2]
    lines = [f"Reshoot is at {_address(host, port)}"]
    if made:
        lines.append(f"Sign in as {USER} with the password {made}")
        lines.append("It is said only now, and holds until secrets.json in the home is deleted.")
    elif not keys.ask and host not in HERE:
        lines.append("Whoever reaches this machine may come in; --auth user:password asks for a login.")
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()


def _address(host: str, port: int) -> str:
    if pod := os.environ.get("RUNPOD_POD_ID"):
        return f"https://{pod}-{port}.proxy.runpod.net"
    return f"http://{'localhost' if host in ('0.0.0.0', '::', *HERE) else host}:{port}"
