"""Opens the app's listening socket, and prints the address (and a generated password) at the start."""

import errno
import os
import socket
import sys

from ui.sessions import USER, Authenticator
from utils.errors import ReshootError

HERE = ("127.0.0.1", "::1")
WAITING_PAGES = 256


class PortError(ReshootError):
    """The port cannot be opened."""


def bind(host: str, port: int) -> socket.socket:
    """A socket that listens on the port; PortError if it is taken, because silently using another would surprise."""
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    # Without TCP_NODELAY, Nagle's algorithm delays the end of each answer by 40 ms.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        listener.bind((host, port))
        listener.listen(WAITING_PAGES)
    except OSError as error:
        listener.close()
        raise _refused(host, port, error) from error
    return listener


def _refused(host: str, port: int, error: OSError) -> PortError:
    if error.errno == errno.EADDRINUSE:
        problem = f"Port {port} is taken, perhaps by another Reshoot that is open."
        return PortError(problem, f"`python -m pipeline doctor` names who has it; or give --port {port + 1}.")
    return PortError(f"{host}:{port} cannot be opened: {error.strerror or error}.", "Give another --host or --port.")


def only_here(host: str) -> bool:
    """Whether nobody but people at this machine can reach an app on a host, also not through a proxy."""
    is_behind_proxy = "RUNPOD_POD_ID" in os.environ or bool(os.environ.get("FORWARDED_ALLOW_IPS"))
    return host in (*HERE, "localhost") and not is_behind_proxy


def announce(listener: socket.socket, authenticator: Authenticator, password: str | None) -> None:
    """Print the address of the page, and the password if one was generated just now."""
    host, port = listener.getsockname()[:2]
    lines = [f"Reshoot is at {_address(host, port)}"]
    if password:
        lines.append(f"Sign in as {USER} with the password {password}")
        lines.append("It is said only now, and holds until secrets.json in the home is deleted.")
    elif not authenticator.requires_login and host not in HERE:
        lines.append("Whoever reaches this machine may come in; --auth user:password asks for a login.")
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()


def _address(host: str, port: int) -> str:
    if pod := os.environ.get("RUNPOD_POD_ID"):
        return f"https://{pod}-{port}.proxy.runpod.net"
    return f"http://{'localhost' if host in ('0.0.0.0', '::', *HERE) else host}:{port}"
