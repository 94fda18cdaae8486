"""Guarded child processes for untrusted input: limited in time, memory and output, and without access to secrets.

    answer = ask([sys.executable, "-m", "some.module", "FILE"], limit_s=30)   # in the parent: its first line, or None

    go_with_parent()                       # in the child, first of all
    limit(memory_bytes=2 << 30)            # in the child, before it opens the file

A child ends with its parent. This module imports nothing heavy, because the web process starts these children.
"""

import logging
import os
import resource
import selectors
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence

from utils.project import PROJECT_ROOT

log = logging.getLogger(__name__)

SECRETS = ("RUNPOD_API_KEY", "HF_TOKEN_WRITE", "AWS_SECRET_ACCESS_KEY", "RESHOOT_AUTH")
"""Environment variables that are withheld from children, so that no log of theirs can show them."""
FRUGAL = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
"""Environment for children that compute little: BLAS and OpenMP would reserve memory per core, gigabytes in all."""
MOST_ANSWER_BYTES = 4 << 20
_LAST_BYTES = 2000
"""How much of a child's standard error is kept for the log."""


class _LimitExceeded(Exception):
    """A child took too long or wrote too much."""


def ask(command: Sequence[str], limit_s: float, more: Mapping[str, str] | None = None) -> str | None:
    """Run a child; returns the first line of its output, None if it writes nothing or exceeds a limit.

    `more` is added to its environment. The child's whole process group is killed at the end.
    """
    child_end, parent_end = os.pipe()
    with os.fdopen(parent_end, "wb"), _started(command, child_end, more or {}) as child:
        output, errors = bytearray(), bytearray()
        try:
            _listen(child, time.monotonic() + limit_s, output, errors)
        except (_LimitExceeded, subprocess.TimeoutExpired) as error:
            output.clear()
            errors += f" {error}".encode()
        finally:
            if child.poll() is None:
                os.killpg(child.pid, signal.SIGKILL)
    line = output.decode(errors="replace").partition("\n")[0]
    if not line:
        why = errors.decode(errors="replace")[-_LAST_BYTES:]
        log.warning("The child %s ended without an answer: %s", " ".join(command[1:4]), why.strip())
    return line or None


def environment() -> dict[str, str]:
    """The environment for children: that of this process without its secrets."""
    return {name: value for name, value in os.environ.items() if name not in SECRETS}


def _started(command: Sequence[str], stdin: int, more: Mapping[str, str]) -> "subprocess.Popen[bytes]":
    """Start a child in its own session; its standard input is a pipe that closes when this process ends."""
    try:
        return subprocess.Popen(
            command,
            cwd=PROJECT_ROOT,
            env={**environment(), **more},
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    finally:
        os.close(stdin)


def _listen(child: "subprocess.Popen[bytes]", until: float, output: bytearray, errors: bytearray) -> None:
    """Read a child's output and errors until it ends; _LimitExceeded if it takes too long or writes too much."""
    with selectors.DefaultSelector() as streams:
        for stream, buffer in ((child.stdout, output), (child.stderr, errors)):
            assert stream
            streams.register(stream, selectors.EVENT_READ, buffer)
        while streams.get_map():
            ready = streams.select(max(0.0, until - time.monotonic()))
            if time.monotonic() > until:
                raise _LimitExceeded("It took too long and was stopped.")
            for key, _ in ready:
                part = os.read(key.fd, 1 << 16)
                key.data.extend(part)
                if not part:
                    streams.unregister(key.fileobj)
            if len(output) > MOST_ANSWER_BYTES:
                raise _LimitExceeded(f"It said more than {MOST_ANSWER_BYTES} bytes and was stopped.")
            del errors[:-_LAST_BYTES]
    child.wait(max(0.0, until - time.monotonic()))


def go_with_parent() -> None:
    """In a child: kill the own process group as soon as the parent ends, which closes standard input."""

    def wait() -> None:
        sys.stdin.buffer.read()
        os.killpg(os.getpgrp(), signal.SIGKILL)

    threading.Thread(target=wait, daemon=True).start()


def limit(memory_bytes: int) -> None:
    """In a child: limit the address space, and disable core dumps."""
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
