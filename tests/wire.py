"""Requests as bytes over real sockets, from any address of this machine, and what comes back."""

import socket
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field


@dataclass
class Answer:
    """What came back; status 0 when nothing did."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    cookies: dict[str, str] = field(default_factory=dict)


def sent(
    port: int,
    request: bytes,
    source: str = "127.0.0.1",
    patience_s: float = 30.0,
    over: Callable[[], bool] = lambda: False,
) -> Answer:
    """The answer to exactly these bytes, up to where the server closes, or nobody waits any more."""
    said, end = b"", time.monotonic() + patience_s
    with socket.create_connection(("127.0.0.1", port), patience_s, (source, 0)) as connection:
        try:
            connection.sendall(request)
            connection.settimeout(min(patience_s, 0.2))
            while time.monotonic() < end and not over():
                with suppress(TimeoutError):
                    if not (part := connection.recv(1 << 16)):
                        break
                    said += part
        except (ConnectionResetError, BrokenPipeError):
            pass  # it had heard enough
    return _read(said)


def _read(said: bytes) -> Answer:
    head, _, body = said.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    if not lines[0].startswith("HTTP/1.1 "):
        return Answer()
    pairs = [(name.lower(), value) for name, _, value in (line.partition(": ") for line in lines[1:])]
    cookies = [value.partition(";")[0].partition("=") for name, value in pairs if name == "set-cookie"]
    return Answer(int(lines[0].split()[1]), dict(pairs), body, {name: value for name, _, value in cookies})
