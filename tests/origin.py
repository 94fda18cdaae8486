"""A server of files on this machine, for tests of fetching from addresses: with ranges, redirects and faults."""

from __future__ import annotations

import re
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Served:
    """What the server answers for one path."""

    content: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    etag: str = '"one"'
    ranges: bool = True
    """Whether a request for a part is answered with the part."""
    cut_at: list[int] = field(default_factory=list)
    """The first requests end after so many bytes of the file."""
    chunked: bool = False
    """Whether it is sent in chunks, without a length."""
    busy: int = 0
    """So many first requests are answered 503."""
    endless: bool = False
    """Whether its content comes again and again, without an end."""
    pause_s: float = 0.0
    """The pause after each byte."""
    hold: threading.Event | None = None
    """Half of the content is sent, and then nothing before this is set."""


@dataclass
class Origin:
    """The files of a server by their paths, and what it was asked."""

    files: dict[str, Served] = field(default_factory=dict)
    port: int = 0
    scheme: str = "http"
    requests: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    """Path with query, and headers in lower case, of every request."""

    def at(self, path: str, host: str = "127.0.0.1") -> str:
        return f"{self.scheme}://{host}:{self.port}{path}"

    def starts(self) -> list[str]:
        """The Range of every request; empty where there was none."""
        return [headers.get("range", "") for _, headers in self.requests]


class _Handler(BaseHTTPRequestHandler):
    origin: Origin
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        self.close_connection = True
        self.origin.requests.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
        served = self.origin.files.get(self.path.partition("?")[0], Served(status=404))
        if served.busy:
            served.busy -= 1
            served = Served(status=503)
        start = self.start(served)
        if served.status == 200 and served.etag and self.headers.get("If-None-Match") == served.etag:
            return self.head(304, {})
        if start is None:
            return self.head(416, {"Content-Range": f"bytes */{len(served.content)}"})
        length = {} if served.chunked else {"Content-Length": str(len(served.content) - start)}
        more = {"Transfer-Encoding": "chunked"} if served.chunked else length
        if start:
            more["Content-Range"] = f"bytes {start}-{len(served.content) - 1}/{len(served.content)}"
        self.head(206 if start else served.status, {"ETag": served.etag, **more, **served.headers})
        self.body(served, start)
        return None

    def start(self, served: Served) -> int | None:
        """Where the answer begins; None where there is no such part."""
        found = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        same = self.headers.get("If-Range", served.etag) == served.etag
        if not found or not served.ranges or not same:
            return 0
        return int(found[1]) if int(found[1]) < len(served.content) else None

    def head(self, status: int, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            if value:
                self.send_header(name, value)
        self.end_headers()

    def body(self, served: Served, start: int) -> None:
        stop = served.cut_at.pop(0) if served.cut_at else len(served.content)
        try:
            if served.hold and not served.hold.is_set():
                half = (start + stop) // 2
                self.send(served, served.content[start:half])
                served.hold.wait(60)
                start = half
            while served.endless:
                self.send(served, served.content)
            for at in range(start, stop, 1 if served.pause_s else max(1, stop)):
                self.send(served, served.content[at : at + 1] if served.pause_s else served.content[start:stop])
                time.sleep(served.pause_s)
            if served.chunked and stop == len(served.content):
                self.wfile.write(b"0\r\n\r\n")
        except OSError:
            pass  # who asked is gone

    def send(self, served: Served, data: bytes) -> None:
        if data:
            self.wfile.write(b"%x\r\n%b\r\n" % (len(data), data) if served.chunked else data)


@contextmanager
def serving(origin: Origin, context: ssl.SSLContext | None = None) -> Iterator[Origin]:
    """The server at its port, until the block ends; over TLS with a context."""
    handler = type("Handler", (_Handler,), {"origin": origin})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        server.handle_error = lambda *arguments: None  # type: ignore[method-assign]
        if context:
            server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
            origin.scheme = "https"
        origin.port = server.server_port
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield origin
        finally:
            server.shutdown()
            thread.join()
