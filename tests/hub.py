"""A model hub on this machine, for tests: the routes that `huggingface_hub` calls, with Range requests and with faults.

Large files are given out by a second host, as the real hub does: /REPOSITORY/resolve/... leads to http://localhost/large/...
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

PIECE_BYTES = 1 << 16
LARGE_BYTES = 10_000


def tensors(numbers: int, fill: bytes = b"\0") -> bytes:
    """A sound safetensors file with one tensor."""
    header = json.dumps({"weight": {"dtype": "U8", "shape": [numbers], "data_offsets": [0, numbers]}}).encode()
    return len(header).to_bytes(8, "little") + header + (fill * numbers)[:numbers]


@dataclass
class Fault:
    """What goes wrong with one file."""

    cut_at: list[int] = field(default_factory=list)
    """The first requests end after so many bytes."""
    content: bytes | None = None
    """Other content than the hub says."""
    no_range: bool = False
    """Requests for a part are answered with the whole."""
    on_byte: tuple[int, Callable[[], object]] | None = None
    """Called once, when so many bytes were sent in all."""
    pause_s: float = 0.0
    """The pause before each piece, for a line so slow that something can be done meanwhile."""


@dataclass
class Hub:
    """One repository with its commits, what is wrong with it, and what was asked for."""

    repository: str
    commits: dict[str, dict[str, bytes]]
    main: str
    files: dict[str, bytes] = field(default_factory=dict)
    """Files at /files/NAME, outside of the repository."""
    faults: dict[str, Fault] = field(default_factory=lambda: defaultdict(Fault))
    status: int = 200
    error_code: str = ""
    port: int = 0
    sent: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    requests: list[tuple[str, str, str, str]] = field(default_factory=list)
    """Host, path, Range and Authorization of every request."""
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def starts(self, path: str) -> list[int]:
        """Where the requests for a file's content began."""
        found = [each for each in self.requests if each[1].endswith(path) and "/large/" in each[1]]
        return [int(match[1]) if (match := re.match(r"bytes=(\d+)-", each[2])) else 0 for each in found]

    def downloads(self) -> list[str]:
        """The requests for any content."""
        return [path for _, path, _, _ in self.requests if "/resolve/" in path or path.startswith(("/large", "/files"))]

    def listing(self, commit: str) -> dict[str, Any]:
        """What the hub says of a commit."""
        siblings = []
        for path, content in self.commits[commit].items():
            git = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
            about: dict[str, Any] = {"rfilename": path, "size": len(content), "blobId": git}
            if len(content) > LARGE_BYTES:
                sha256 = hashlib.sha256(content).hexdigest()
                about["lfs"] = {"sha256": sha256, "size": len(content), "pointerSize": 130}
            siblings.append(about)
        return {"id": self.repository, "modelId": self.repository, "sha": commit, "siblings": siblings}


class _Handler(BaseHTTPRequestHandler):
    hub: Hub

    def do_HEAD(self) -> None:
        self.answer()

    def do_GET(self) -> None:
        self.answer()

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""

    def answer(self) -> None:
        hub, path = self.hub, unquote(urlsplit(self.path).path)
        host = (self.headers.get("Host") or "").partition(":")[0]
        with hub.lock:
            asked = (self.headers.get("Range") or "", self.headers.get("Authorization") or "")
            hub.requests.append((host, path, *asked))
        if hub.status != 200 and not path.startswith("/files/"):
            return self.end(hub.status, b"{}", {"X-Error-Code": hub.error_code})
        if match := re.fullmatch(f"/api/models/{hub.repository}(?:/revision/(.+))?", path):
            commit = hub.main if match[1] in (None, "main") else match[1]
            return self.listed(commit)
        if match := re.fullmatch(f"/{hub.repository}/resolve/([0-9a-f]+)/(.+)", path):
            return self.resolved(match[1], match[2])
        if match := re.fullmatch("/large/([0-9a-f]+)/(.+)", path):
            return self.content(match[2], hub.commits[match[1]][match[2]])
        if path.startswith("/files/") and (name := path.removeprefix("/files/")) in hub.files:
            return self.content(name, hub.files[name])
        return self.end(404, b"", {"X-Error-Code": "EntryNotFound"})

    def listed(self, commit: str) -> None:
        if commit not in self.hub.commits:
            return self.end(404, b"", {"X-Error-Code": "RevisionNotFound"})
        return self.end(200, json.dumps(self.hub.listing(commit)).encode(), {"Content-Type": "application/json"})

    def resolved(self, commit: str, path: str) -> None:
        content = self.hub.commits[commit][path]
        if len(content) > LARGE_BYTES:
            return self.end(302, b"", {"Location": f"http://localhost:{self.hub.port}/large/{commit}/{path}"})
        return self.content(path, content)

    def content(self, path: str, content: bytes) -> None:
        fault = self.hub.faults[path]
        content = content if fault.content is None else fault.content
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range") or "")
        start = int(asked[1]) if asked and not fault.no_range else 0
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        if self.command == "GET":
            self.body(path, content[start:], fault)

    def body(self, path: str, content: bytes, fault: Fault) -> None:
        stop = fault.cut_at.pop(0) if fault.cut_at else len(content)
        for place in range(0, min(stop, len(content)), PIECE_BYTES):
            piece = content[place : min(place + PIECE_BYTES, stop)]
            time.sleep(fault.pause_s)
            try:
                self.wfile.write(piece)
            except OSError:
                return  # who asked is gone
            self.hub.sent[path] += len(piece)
            if fault.on_byte and self.hub.sent[path] >= fault.on_byte[0]:
                happens, fault.on_byte = fault.on_byte[1], None
                happens()
        if stop < len(content):
            self.close_connection = True

    def end(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)


@contextmanager
def serving(hub: Hub) -> Iterator[Hub]:
    """The hub at its port, until the block ends."""
    handler = type("Handler", (_Handler,), {"hub": hub})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        hub.port = server.server_port
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield hub
        finally:
            server.shutdown()
            thread.join()
