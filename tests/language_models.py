"""A language model's server on this machine, for tests: real HTTP, and answers as the tests want them."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = Callable[[list[dict[str, Any]]], str]
"""What it says to the lines that it is shown."""


def lines_of(lines: list[dict[str, Any]], *changes: tuple[str, str]) -> str:
    """The same lines with some texts in place of others."""
    result = []
    for line in lines:
        text = line["text"]
        for before, after in changes:
            text = text.replace(before, after)
        result.append({"id": line["id"], "text": text})
    return json.dumps({"lines": result})


@dataclass
class Server:
    """A server, what it was asked, and what goes wrong with it."""

    answer: Answer
    statuses: list[int] = field(default_factory=list)
    """Of its first answers; 200 afterwards."""
    retry_after: str | None = "0"
    pause_s: float = 0.0
    """The pause after each byte of an answer."""
    raw: bytes | None = None
    asked: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    address: str = ""


@contextmanager
def serving(server: Server) -> Iterator[Server]:
    """Serve at a port of its own."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            server.asked.append(body)
            server.headers.append(dict(self.headers.items()))
            status = server.statuses.pop(0) if server.statuses else 200
            self.send_response(status if self.path == "/v1/chat/completions" else 404)
            if server.retry_after is not None:
                self.send_header("Retry-After", server.retry_after)
            lines = json.loads(body["messages"][1]["content"])["lines"]
            said = {"choices": [{"message": {"role": "assistant", "content": server.answer(lines)}}]}
            content = json.dumps(said).encode() if server.raw is None else server.raw
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            with suppress(OSError):
                for at in range(0, len(content), 1 if server.pause_s else 1 << 20):
                    self.wfile.write(content[at : at + 1] if server.pause_s else content)
                    self.wfile.flush()
                    time.sleep(server.pause_s)

        def log_message(self, format: str, *values: Any) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    http.daemon_threads = True
    server.address = f"http://127.0.0.1:{http.server_port}/v1"
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        http.shutdown()
        http.server_close()
        thread.join()
