"""Child processes that do what might go wrong: bounded in time and in what they say, told no secrets, gone with us.

    said = ask([sys.executable, "-m", "some.module", "FILE"], limit_s=30)     # in the parent: its first line, or None

    go_with_parent()                       # in the child, before anything else
    limit(memory_bytes=2 << 30)            # and before it opens what it was given

Light, because the web process starts these children.
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
from pathlib import Path

log = logging.getLogger(__name__)

HOUSE = Path(__file__).resolve().parents[1]
SECRETS = ("RUNPOD_API_KEY", "HF_TOKEN_WRITE", "AWS_SECRET_ACCESS_KEY", "RESHOOT_AUTH")
"""Variables of the environment that no child needs, and that no log of one may show."""
FRUGAL = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
"""For children that compute little: on a machine of many cores these would reserve gigabytes for every one of them."""
MOST_ANSWER_BYTES = 4 << 20
_LAST_BYTES = 2000
"""How much of what a child wrote to its standard error is kept for the log."""


class _Unheard(Exception):
    """Why a child was not listened to until its end."""


def ask(command: Sequence[str], limit_s: float, more: Mapping[str, str] | None = None) -> str | None:
    """The first line that a child says; None when it says nothing, too much, or takes too long.

    `more` is added to its environment. It ends with all processes that it started.
    """
    hears, held = os.pipe()
    with os.fdopen(held, "wb"), _started(command, hears, more or {}) as child:
        said, complaints = bytearray(), bytearray()
        try:
            _listen(child, time.monotonic() + limit_s, said, complaints)
        except (_Unheard, subprocess.TimeoutExpired) as error:
            said.clear()
            complaints += f" {error}".encode()
        finally:
            if child.poll() is None:
                os.killpg(child.pid, signal.SIGKILL)
    line = said.decode(errors="replace").partition("\n")[0]
    if not line:
        told = complaints.decode(errors="replace")[-_LAST_BYTES:]
        log.warning("The child %s ended without an answer: %s", " ".join(command[1:4]), told.strip())
    return line or None


def environment() -> dict[str, str]:
    """This process's own, without secrets."""
    return {name: value for name, value in os.environ.items() if name not in SECRETS}


def _started(command: Sequence[str], hears: int, more: Mapping[str, str]) -> "subprocess.Popen[bytes]":
    """A child in a session of its own; its standard input ends when this process does."""
    try:
        return subprocess.Popen(
            command,
            cwd=HOUSE,
            env={**environment(), **more},
            stdin=hears,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    finally:
        os.close(hears)


def _listen(child: "subprocess.Popen[bytes]", until: float, said: bytearray, complaints: bytearray) -> None:
    """Read both outputs of a child until it ends."""
    with selectors.DefaultSelector() as outputs:
        for output, kept in ((child.stdout, said), (child.stderr, complaints)):
            assert output
            outputs.register(output, selectors.EVENT_READ, kept)
        while outputs.get_map():
            ready = outputs.select(max(0.0, until - time.monotonic()))
            if time.monotonic() > until:
                raise _Unheard("It took too long and was stopped.")
            for key, _ in ready:
                part = os.read(key.fd, 1 << 16)
                key.data.extend(part)
                if not part:
                    outputs.unregister(key.fileobj)
            if len(said) > MOST_ANSWER_BYTES:
                raise _Unheard(f"It said more than {MOST_ANSWER_BYTES} bytes and was stopped.")
            del complaints[:-_LAST_BYTES]
    child.wait(max(0.0, until - time.monotonic()))


def go_with_parent() -> None:
    """End this session's processes when nobody holds the other end of standard input any more."""

    def wait() -> None:
        sys.stdin.buffer.read()
        os.killpg(os.getpgrp(), signal.SIGKILL)

    threading.Thread(target=wait, daemon=True).start()


def limit(memory_bytes: int) -> None:
    """Let this process have no more memory than that, and leave no image of it on the disk when it crashes."""
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
