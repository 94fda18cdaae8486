"""One request for a file, through redirects, and what its answer says: where the file goes on, how long it is, whether
it is one at all."""

import http.client
import re
import ssl
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

from utils.address.address import Address
from utils.address.checked import Gate
from utils.errors import AddressError

HEADERS = {"User-Agent": "Reshoot", "Accept": "*/*", "Accept-Encoding": "identity", "Connection": "close"}
REDIRECTS, MOST_REDIRECTS = (301, 302, 303, 307, 308), 5
PAGES = ("text/html", "application/xhtml+xml")
PAGE_STARTS = (b"<!doctype html", b"<html")
READ_BYTES, PIECE_BYTES, PIECE_S = 1 << 18, 1 << 20, 0.25
"""What is read at once at most, and how much, or for how long, is gathered before it is written."""
SETTLED_S = 60.0
"""Age from which on a time of change tells two contents apart, as RFC 9110 has it."""
LONGEST_TAG = 500
KEPT = "what has arrived is kept."


class Interrupted(Exception):
    """A try that broke off in a way that another one may mend; `told` is said when none does."""

    def __init__(self, told: AddressError, after_s: float = 0.0) -> None:
        super().__init__(str(told))
        self.told, self.after_s = told, after_s


@dataclass(frozen=True)
class Answer:
    """The answer of the last server, if it brings the file or a part of it, or says that nothing changed."""

    address: Address
    response: http.client.HTTPResponse
    announced: int | None
    """How many bytes it says that will come; `response.length` counts down as they do."""

    @property
    def status(self) -> int:
        """200 for the whole file, 206 for a part, 304 for nothing new, 416 where there is no such part."""
        return self.response.status

    @property
    def start(self) -> int:
        """The index of the first byte that comes."""
        return int(self._range[1]) if self.status == 206 and self._range else 0

    @property
    def total(self) -> int | None:
        """The length of the whole file; None where the server does not say it."""
        if self.status == 200:
            return self.announced
        found = re.search(r"/(\d{1,18})\s*$", self.response.headers.get("Content-Range", ""))
        return int(found[1]) if found else None

    @property
    def _range(self) -> re.Match[str] | None:
        return re.match(r"bytes (\d{1,18})-\d{1,18}/", self.response.headers.get("Content-Range", ""))

    @property
    def validator(self) -> str:
        """By which this very content is known later on: a strong ETag, or else a time of change that is old enough."""
        headers = self.response.headers
        if (tag := headers.get("ETag", "").strip()).startswith('"'):
            return tag if len(tag) <= LONGEST_TAG else ""
        changed = headers.get("Last-Modified", "")
        try:
            age = parsedate_to_datetime(headers.get("Date", "")) - parsedate_to_datetime(changed)
        except (TypeError, ValueError):
            return ""
        return changed if age.total_seconds() >= SETTLED_S else ""

    def pieces(self) -> Iterator[bytes]:
        """The bytes that come, in pieces of about a megabyte; Interrupted where the line breaks."""
        held, since = bytearray(), time.monotonic()
        try:
            while data := self._read():
                held += data
                if len(held) >= PIECE_BYTES or time.monotonic() - since > PIECE_S:
                    yield bytes(held)
                    held.clear()
                    since = time.monotonic()
        except Interrupted:
            if held:
                yield bytes(held)
            raise
        if held:
            yield bytes(held)

    def _read(self) -> bytes:
        with _line(self.address):
            return self.response.read1(READ_BYTES)

    def refuse_page(self, start: bytes = b"") -> None:
        """Raise AddressError where a web page comes instead of a file, by its type or by its first bytes."""
        kind = self.response.headers.get_content_type()
        if kind in PAGES or start[:64].lstrip(b"\xef\xbb\xbf \r\n\t").lower().startswith(PAGE_STARTS):
            raise AddressError(
                "That address is a web page, not a video file.", "Give the file's own address, or download the file."
            )


@contextmanager
def asked(address: Address, headers: Mapping[str, str], gate: Gate, silence_s: float) -> Iterator[Answer]:
    """The answer to a request, after at most five redirects, each to a host that is checked anew."""
    for _ in range(MOST_REDIRECTS + 1):
        with _line(address):
            connection = gate.connection(address, silence_s)
        with closing(connection):
            with _line(address):
                all_headers = {**HEADERS, "Host": address.authority, **headers}
                connection.request("GET", address.target, headers=all_headers)
                response = connection.getresponse()
            with closing(response):
                if response.status not in REDIRECTS:
                    _refuse(address, response)
                    yield Answer(address, response, response.length)
                    return
                location = response.headers.get("Location", "").encode("latin-1", "replace")  # as it came
                address = address.redirected(location.decode(errors="replace"))
    raise AddressError(
        f"The address leads on more than {MOST_REDIRECTS} times.", "Give the address at which the file is in the end."
    )


@contextmanager
def _line(address: Address) -> Iterator[None]:
    """Turn what goes wrong between here and a server into sentences."""
    host = address.host
    try:
        yield
    except ssl.SSLCertVerificationError as error:
        raise AddressError(
            f"The certificate of {host} is not valid ({error.verify_message}), so that may be another server.",
            "Check the address; where the certificate is one of your own, name it in SSL_CERT_FILE.",
        ) from error
    except TimeoutError as error:
        told = AddressError(f"{host} did not answer, or stopped sending.", f"Try it again later; {KEPT}")
        raise Interrupted(told) from error
    except (OSError, http.client.HTTPException) as error:
        told = AddressError(
            f"{host} could not be reached, or the line broke ({type(error).__name__}).",
            f"Check the address and the network, then try it again; {KEPT}",
        )
        raise Interrupted(told) from error


def _refuse(address: Address, response: http.client.HTTPResponse) -> None:
    """Raise the error that a status means; nothing for a file, and for what the transfer asks about."""
    status, host = response.status, address.host
    if status in (200, 206, 304, 416):
        return _refuse_encoding(host, response)
    if status == 429 or status >= 500:
        problem = "is asked too often" if status == 429 else "has a problem of its own"
        told = AddressError(f"{host} {problem} ({status}).", f"Try it again in some minutes; {KEPT}")
        wait = response.headers.get("Retry-After", "")
        raise Interrupted(told, float(wait) if re.fullmatch(r"\d{1,4}", wait) else 0.0)
    if status in (401, 403, 407):
        raise AddressError(
            f"{host} does not give this file to everybody ({status}).",
            "A signed address may have run out: make a new one. Otherwise download the file and give that.",
        )
    if status in (404, 410):
        gone = "is no file" if status == 404 else "is no file any more"
        raise AddressError(f"There {gone} at this address ({status}).", "Check it, or ask for a new one.")
    raise AddressError(f"{host} answered {status} and no file.", "Check the address, or download the file.")


def _refuse_encoding(host: str, response: http.client.HTTPResponse) -> None:
    encoding = response.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding not in ("", "identity"):
        raise AddressError(
            f"{host} sends the file packed ({encoding[:20]}), which it was not asked for.",
            "Download the file and give that.",
        )
