"""A language model behind an address that speaks OpenAI's protocol: one question, one answer, within a time.

model = LanguageModel("http://localhost:11434/v1", "qwen3:8b")
model.ask("You correct spelling.", "Helo", Cancel())
"""

import http.client
import json
import socket
import ssl
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from utils.errors import ReshootError
from utils.progress import Cancel
from utils.untrusted_json import UntrustedJson, read_json

MOST_BYTES = 8 << 20
LOOK_S, LEAVE_S = 0.1, 2.0
BUSY = (429, 500, 502, 503, 504, 529)
"""Answers after which it is asked again."""
TRIES, FIRST_WAIT_S, LONGEST_WAIT_S = 4, 1.0, 30.0


class Unanswered(ReshootError):
    """The language model gave no answer that can be used."""


@dataclass(frozen=True)
class LanguageModel:
    """Where it is, what it is called there, and how long it may take for all of one question."""

    address: str
    model: str
    key: str = field(default="", repr=False)
    temperature: float = 0.0
    patience_s: float = 120.0

    def __post_init__(self) -> None:
        parts = urlsplit(self.address)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.username:
            raise Unanswered(
                f"{self.address!r:.80} is no address of a language model.",
                "Write http://HOST:PORT/v1 or https://HOST/v1.",
            )

    def ask(self, system: str, user: str, cancel: Cancel) -> str:
        """Its answer; asked again while it is busy, as it says itself when."""
        messages = [{"role": "system", "content": system}, {"role": "user", "content": user}]
        asked = {"model": self.model, "temperature": self.temperature, "messages": messages, "stream": False}
        end_s, wait_s = time.monotonic() + self.patience_s, FIRST_WAIT_S
        for tried in range(1, TRIES + 1):
            status, headers, body = self._post(json.dumps(asked).encode(), end_s, cancel)
            if status == http.HTTPStatus.OK:
                return _content(body)
            pause_s = min(_asked_wait_s(headers, wait_s), LONGEST_WAIT_S)
            if status not in BUSY or tried == TRIES or time.monotonic() + pause_s > end_s:
                break
            cancel.wait(pause_s)
            wait_s *= 2
        what = "is busy" if status == http.HTTPStatus.TOO_MANY_REQUESTS else "refuses"
        raise Unanswered(f"The language model {what} (status {status}).", _remedy(status))

    def _post(self, body: bytes, end_s: float, cancel: Cancel) -> "Said":
        """One exchange, which is left when the time is over or the run is cancelled."""
        place = urlsplit(self.address).netloc
        exchange = _Exchange(self, body, max(LOOK_S, end_s - time.monotonic()))
        try:
            said = exchange.within(end_s, cancel)
        except TimeoutError:
            raise Unanswered(
                f"The language model did not answer within {self.patience_s:g} s.", "Try again, or choose a faster one."
            ) from None
        except (OSError, http.client.HTTPException) as error:
            raise Unanswered(
                f"The language model at {place} cannot be reached ({type(error).__name__}).",
                "Look whether its server runs, and at its address.",
            ) from error
        finally:
            exchange.leave()
        if len(said[2]) > MOST_BYTES:
            raise Unanswered(f"The language model answered with more than {MOST_BYTES >> 20} MiB.", "Use another one.")
        return said


Said = tuple[int, Mapping[str, str], bytes]
"""Status, headers in small letters, and content of an answer."""


class _Exchange(threading.Thread):
    """A question and its answer, in a thread, because a connection that is waited for cannot be cancelled."""

    def __init__(self, model: LanguageModel, body: bytes, timeout_s: float) -> None:
        super().__init__(daemon=True, name="language model")
        parts = urlsplit(model.address)
        self._path, self._body = f"{parts.path.rstrip('/')}/chat/completions", body
        self._headers = {"Content-Type": "application/json", "Accept": "application/json", "User-Agent": "Reshoot"}
        self._headers |= {"Authorization": f"Bearer {model.key}"} if model.key else {}
        self._connection = (
            http.client.HTTPSConnection(parts.netloc, timeout=timeout_s, context=ssl.create_default_context())
            if parts.scheme == "https"
            else http.client.HTTPConnection(parts.netloc, timeout=timeout_s)
        )
        self._socket: socket.socket | None = None
        self._ended, self._said, self._error = threading.Event(), list[Said](), list[Exception]()

    def run(self) -> None:
        """Ask and read the answer."""
        try:
            self._connection.connect()
            self._socket = self._connection.sock
            self._connection.request("POST", self._path, self._body, self._headers)
            with self._connection.getresponse() as answer:
                content = answer.read(MOST_BYTES + 1)
                self._said.append((answer.status, {name.lower(): each for name, each in answer.getheaders()}, content))
        except (OSError, http.client.HTTPException, ValueError) as error:
            self._error.append(error)
        finally:
            self._connection.close()
            self._ended.set()

    def within(self, end_s: float, cancel: Cancel) -> Said:
        """What was said, or the error; TimeoutError when the time is over."""
        self.start()
        while not self._ended.wait(LOOK_S):
            cancel.check()
            if time.monotonic() > end_s:
                raise TimeoutError
        if self._error:
            known = isinstance(self._error[0], OSError | http.client.HTTPException)
            raise self._error[0] if known else OSError(str(self._error[0]))
        return self._said[0]

    def leave(self) -> None:
        """End what is still under way."""
        if not self._ended.is_set() and self._socket is not None:
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)
            self.join(LEAVE_S)


def _content(body: bytes) -> str:
    """The text of an answer in OpenAI's form."""
    try:
        said: Any = read_json(body, MOST_BYTES)["choices"][0]["message"]["content"]
    except (UntrustedJson, KeyError, IndexError, TypeError):
        said = None
    if not isinstance(said, str):
        raise Unanswered(
            "What answers at the language model's address does not speak OpenAI's protocol.",
            "Give the address that ends before /chat/completions, such as http://localhost:11434/v1.",
        )
    return said


def _asked_wait_s(headers: Mapping[str, str], usual_s: float) -> float:
    try:
        return max(0.0, float(headers.get("retry-after", usual_s)))
    except ValueError:
        return usual_s


def _remedy(status: int) -> str:
    if status in (401, 403):
        return "Set RESHOOT_LANGUAGE_MODEL_KEY to a key that it accepts."
    if status == http.HTTPStatus.NOT_FOUND:
        return "Look at the address and at the name of the model."
    return "Try again later."
