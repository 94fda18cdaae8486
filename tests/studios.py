"""Real apps for tests: app.py in a process of its own, on a free port, with a home of its own."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from utils.project import PROJECT_ROOT

PATIENCE_S = 120.0


@dataclass
class App:
    """One app in one home; it may be killed and opened again on the same port."""

    home: Path
    more: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    port: int = 0
    said: str = ""
    opened_s: float = 0.0
    """How long it took to come up: a slow machine may take longer to stop, too."""
    process: "subprocess.Popen[str] | None" = None
    project: Path = PROJECT_ROOT
    """The checkout that it runs from."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def open(self) -> "App":
        """Start it, and wait until it answers."""
        self.close()
        start = time.monotonic()
        self.home.mkdir(parents=True, exist_ok=True)
        with (self.home / "app.log").open("a") as log:
            self.process = subprocess.Popen(
                [sys.executable, "app.py", "--port", str(self.port), "--home", str(self.home), *self.more],
                cwd=self.project,
                env={**os.environ, **self.env},
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        assert self.process.stdout
        first = self.process.stdout.readline()
        found = re.search(r":(\d+)\n| https://\S+-(\d+)\.proxy", first)
        assert found, f"it said {first!r}; {(self.home / 'app.log').read_text()[-2000:]}"
        self.port = int(found[1] or found[2])
        self.said = first + (self.process.stdout.readline() if "proxy" in first else "")
        self.until(lambda: self.status("/healthz") == 200, "answer")
        self.opened_s = time.monotonic() - start
        return self

    def close(self) -> None:
        """End it, if it runs, and let go of what it said."""
        if self.process and self.process.poll() is None:
            self.stop()
        if self.process and self.process.stdout:
            self.process.stdout.close()

    def stop(self, how: signal.Signals = signal.SIGTERM) -> float:
        """Send a signal, wait for the end; how long that took."""
        assert self.process
        start = time.monotonic()
        self.process.send_signal(how)
        self.process.wait(PATIENCE_S)
        return time.monotonic() - start

    def until(self, done: Callable[[], Any], what: str) -> Any:
        """Wait for something."""
        end = time.monotonic() + PATIENCE_S
        while not (found := done()):
            assert time.monotonic() < end, f"no {what}; {(self.home / 'app.log').read_text()[-2000:]}"
            time.sleep(0.05)
        return found

    def ask(self, path: str, body: object = None, method: str = "") -> Any:
        """JSON of a route; asserts that it was answered well."""
        status, told = self.answer(path, body, method)
        assert status < 400, f"{path}: {status} {told!r}"
        return json.loads(told)

    def upload(self, clip: Path) -> str:
        """A clip of the home, by the id that it has there."""
        about = {"name": clip.name, "bytes": clip.stat().st_size, "modified": 0}
        upload = self.ask("/studio/uploads", about)["id"]
        return str(self.send(f"/studio/uploads/{upload}?from=0", clip.read_bytes())["clip"])

    def finished(self, clip: str, **settings: Any) -> str:
        """A job with its result."""
        said = {name.replace("__", "."): value for name, value in settings.items()}
        [job] = self.ask("/studio/jobs", {"clips": [clip], "preset": "fast", "settings": said})["jobs"]
        self.until(lambda: self.ask(f"/studio/jobs/{job}")["state"] == "done", "result")
        return str(job)

    def send(self, path: str, content: bytes) -> Any:
        """JSON of the answer to raw bytes."""
        status, told = self.answer(path, content, "PATCH")
        assert status < 400, f"{path}: {status} {told!r}"
        return json.loads(told)

    def status(self, path: str) -> int:
        """The status of an answer; 0 when there is none."""
        try:
            return self.answer(path)[0]
        except OSError:
            return 0

    def answer(self, path: str, body: object = None, method: str = "") -> tuple[int, bytes]:
        """Status and content, whatever they are."""
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        kind = "application/octet-stream" if isinstance(body, bytes) else "application/json"
        headers = {"X-Reshoot": "1", "Content-Type": kind}
        request = urllib.request.Request(self.url + path, data, headers, method=method or ("POST" if data else "GET"))
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()


@contextmanager
def app(home: Path, *more: str, **env: str) -> Iterator[App]:
    """An open app, and its end."""
    opened = App(home, more, env)
    try:
        yield opened.open()
    finally:
        opened.close()
