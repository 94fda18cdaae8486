"""Child processes that do what might go wrong: bounded in time and in what they say, told no secrets, gone with us.

    said = ask([sys.executable, "-m", "some.module", "FILE"], limit_s=30)     # in the parent: its first line, or None
    answer = listen([sys.executable, ...], limit_s=30)                        # or all of it, and how the child ended
    for line in follow([sys.executable, ...], "told", 30, cancel.check): ...  # or each line as it comes

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
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from utils.project import PROJECT_ROOT

log = logging.getLogger(__name__)

WORKER_SECRETS = (
    "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_TOKEN", "AWS_CONTAINER_AUTHORIZATION_TOKEN",
    "AWS_SSE_CUSTOMER_KEY_BASE64", "RESHOOT_LANGUAGE_MODEL_KEY", "RESHOOT_DATABASE",
)  # fmt: skip
"""What opens the bucket of a shared cache and the database, and the key of a language model. The worker alone is given
them."""
SECRETS = ("RUNPOD_API_KEY", "HF_TOKEN_WRITE", "RESHOOT_AUTH", "RESHOOT_BROLL_KEY", *WORKER_SECRETS)
"""Variables of the environment that no child needs, and that no log of one may show."""
FRUGAL = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
"""For children that compute little: on a machine of many cores these would reserve gigabytes for every one of them."""
MOST_ANSWER_BYTES = 4 << 20
CHECK_S = 0.1
"""How long a child that is followed may say nothing before `check` is called again."""
_LAST_BYTES = 2000
"""How much of what a child wrote to its standard error is kept for the log."""


class _Unheard(Exception):
    """Why a child was not listened to until its end."""


class _Late(_Unheard):
    """It took too long."""


@dataclass(frozen=True)
class Answer:
    """What a child wrote to its standard output and, at the end, to its standard error, and how it ended."""

    said: bytes
    complaints: str
    code: int | None
    """Its exit code; None when it was stopped, and then nothing of what it said counts."""
    late: bool = False
    """Whether it was stopped because it took too long."""


def ask(command: Sequence[str], limit_s: float, more: Mapping[str, str] | None = None) -> str | None:
    """The first line that a child says; None when it says nothing, too much, or takes too long.

    `more` is added to its environment. It ends with all processes that it started.
    """
    answer = listen(command, limit_s, more)
    line = answer.said.decode(errors="replace").partition("\n")[0]
    if not line:
        log.warning("The child %s ended without an answer: %s", " ".join(command[1:4]), answer.complaints.strip())
    return line or None


def listen(
    command: Sequence[str],
    limit_s: float,
    more: Mapping[str, str] | None = None,
    most_bytes: int = MOST_ANSWER_BYTES,
) -> Answer:
    """All that a child says, up to its end or the limits; it ends with all processes that it started."""
    hears, held = os.pipe()
    with os.fdopen(held, "wb"), _started(command, hears, more or {}) as child:
        said, complaints = bytearray(), bytearray()
        try:
            _read(child, time.monotonic() + limit_s, (said, most_bytes), complaints)
            return Answer(bytes(said), complaints.decode(errors="replace"), child.returncode)
        except _Unheard as error:
            complaints += f" {error}".encode()
            return Answer(b"", complaints.decode(errors="replace")[-_LAST_BYTES:], None, isinstance(error, _Late))
        finally:
            end(child)


def follow(command: Sequence[str], told: str, limit_s: float, check: Callable[[], None]) -> Generator[str, None, None]:
    """The lines that a child says, as they come; after the time limit it says no more.

    It is told a line of its own on its standard input, which, unlike a command, no list of processes shows. `check` is
    called several times a second; what it raises ends the child.
    """
    hears, held = os.pipe()
    with os.fdopen(held, "wb", 0) as mouth, _started(command, hears, {}, subprocess.DEVNULL) as child:
        try:
            with suppress(BrokenPipeError):  # it ended already, and says so
                mouth.write(told.encode() + b"\n")
            yield from _lines(child, time.monotonic() + limit_s, check)
        finally:
            end(child)


def _lines(child: "subprocess.Popen[bytes]", until: float, check: Callable[[], None]) -> Iterator[str]:
    held = bytearray()
    assert child.stdout
    with selectors.DefaultSelector() as output:
        output.register(child.stdout, selectors.EVENT_READ)
        while time.monotonic() < until and len(held) < MOST_ANSWER_BYTES:
            check()
            if not output.select(CHECK_S):
                continue
            if not (part := os.read(child.stdout.fileno(), 1 << 16)):
                return
            *lines, rest = (held + part).split(b"\n")
            held = bytearray(rest)
            yield from (line.decode(errors="replace") for line in lines)


def end(child: "subprocess.Popen[bytes]") -> None:
    """Kill a child that still runs, and what it started."""
    if child.poll() is None:
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()


def environment() -> dict[str, str]:
    """This process's own, without secrets."""
    return {name: value for name, value in os.environ.items() if name not in SECRETS}


def apart(more: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Keyword arguments for starting a child: in the project's root, told no secrets, in a session of its own."""
    return {"cwd": PROJECT_ROOT, "env": {**environment(), **(more or {})}, "start_new_session": True}


def _started(
    command: Sequence[str], hears: int, more: Mapping[str, str], complaints: int = subprocess.PIPE
) -> "subprocess.Popen[bytes]":
    """A child in a session of its own; its standard input ends when this process does."""
    try:
        return subprocess.Popen(command, stdin=hears, stdout=subprocess.PIPE, stderr=complaints, **apart(more))
    finally:
        os.close(hears)


def _read(child: "subprocess.Popen[bytes]", until: float, answer: tuple[bytearray, int], complaints: bytearray) -> None:
    """Read both outputs of a child until it ends; `answer` comes with its limit in bytes."""
    said, most_bytes = answer
    with selectors.DefaultSelector() as outputs:
        for output, kept in ((child.stdout, said), (child.stderr, complaints)):
            assert output
            outputs.register(output, selectors.EVENT_READ, kept)
        while outputs.get_map():
            ready = outputs.select(max(0.0, until - time.monotonic()))
            if time.monotonic() > until:
                raise _Late("It took too long and was stopped.")
            for key, _ in ready:
                part = os.read(key.fd, 1 << 16)
                key.data.extend(part)
                if not part:
                    outputs.unregister(key.fileobj)
            if len(said) > most_bytes:
                raise _Unheard(f"It said more than {most_bytes} bytes and was stopped.")
            del complaints[:-_LAST_BYTES]
    try:
        child.wait(max(0.0, until - time.monotonic()))
    except subprocess.TimeoutExpired as error:
        raise _Late("It took too long and was stopped.") from error


def heard() -> str:
    """In the child, before `go_with_parent`: the line that `follow` tells it."""
    line = bytearray()
    while not line.endswith(b"\n") and (byte := os.read(sys.stdin.fileno(), 1)):
        line += byte
    return line.decode()


def go_with_parent() -> None:
    """End this session's processes when nobody holds the other end of standard input any more."""

    def wait() -> None:
        while os.read(sys.stdin.fileno(), 1 << 10):  # not the buffer of sys.stdin: its lock would abort a normal exit
            pass
        os.killpg(os.getpgrp(), signal.SIGKILL)

    threading.Thread(target=wait, daemon=True).start()


def limit(memory_bytes: int, *, writes: bool = True) -> None:
    """Let this process have no more memory than that, and leave no image of it on the disk when it crashes.

    Without `writes` it cannot write to files either.
    """
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if not writes:
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
