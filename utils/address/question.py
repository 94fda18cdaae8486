"""One question to a service on the web, asked by a child process with limits: what it answers is a short text.

    reply = answered(Question(address, {"Authorization": key}), cancel)      # in the parent; AddressError says why not

The child is `python -m utils.address.question`; it is told one line of JSON on its standard input, where no list of
processes shows it, and says one. Headers may hold a key, so nothing is followed to where a service leads.
"""

import http.client
import json
import re
import ssl
import sys
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field

from utils.address.address import Address
from utils.address.checked import Gate, private_allowed
from utils.errors import AddressError
from utils.guarded_child import follow, go_with_parent, heard, limit
from utils.progress import Cancel
from utils.untrusted_json import UntrustedJson, read_object

MEMORY_BYTES = 1 << 30
MOST_BYTES, MOST_LINE_BYTES = 512 << 10, 4 << 20
USUAL = {"User-Agent": "Reshoot", "Accept": "application/json", "Accept-Encoding": "identity", "Connection": "close"}


@dataclass(frozen=True)
class Question:
    """What is asked, and how long all of the answer may take."""

    address: Address
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    patience_s: float = 20.0


@dataclass(frozen=True)
class Reply:
    """What was answered."""

    status: int
    body: str
    retry_after_s: float | None = None
    """When to ask again, where the service says so."""


def answered(question: Question, cancel: Cancel) -> Reply:
    """The answer to a question, whatever its status."""
    if not question.address.is_private_line:
        raise AddressError(f"{question.address.shown} is no https address, so no key is sent there.", "Give one.")
    told = {"address": question.address.whole, "headers": dict(question.headers), "patience_s": question.patience_s}
    command = [sys.executable, "-m", "utils.address.question"]
    with closing(follow(command, json.dumps(told), question.patience_s, cancel.check)) as lines:
        line = next(lines, None)
    host = question.address.host
    if line is None:
        raise AddressError(f"{host} did not answer within {question.patience_s:g} s.", "Try it again later.")
    try:
        said = read_object(line, MOST_LINE_BYTES)
    except UntrustedJson as error:
        raise AddressError(f"What {host} answered cannot be read.", "Try it again later.") from error
    if "problem" in said:
        raise AddressError(str(said["problem"]), str(said["remedy"]))
    return Reply(said["status"], said["body"], said["retry_after_s"])


def _ask(address: Address, headers: Mapping[str, str], patience_s: float, gate: Gate) -> dict[str, object]:
    """In the child: the answer of one server."""
    with closing(gate.connection(address, patience_s)) as connection:
        connection.request("GET", address.target, headers={**USUAL, "Host": address.authority, **headers})
        with closing(connection.getresponse()) as response:
            body = response.read(MOST_BYTES + 1)
            if len(body) > MOST_BYTES:
                raise AddressError(f"{address.host} answered with more than {MOST_BYTES >> 10} KiB.", "Ask for less.")
            wait = response.headers.get("Retry-After", "").strip()
            return {
                "status": response.status,
                "body": body.decode(errors="replace"),
                "retry_after_s": float(wait) if re.fullmatch(r"\d{1,6}", wait) else None,
            }


def main() -> None:
    """Entry point of the child."""
    told = json.loads(heard())
    go_with_parent()
    limit(MEMORY_BYTES, writes=False)
    address = Address.read(told["address"])
    again = "Check the address and the network, then try it again."
    try:
        said = _ask(address, told["headers"], told["patience_s"], Gate(private_allowed()))
    except AddressError as error:
        said = {"problem": error.problem, "remedy": error.remedy}
    except ssl.SSLCertVerificationError as error:
        said = {"problem": f"The certificate of {address.host} is not valid ({error.verify_message}).", "remedy": again}
    except (OSError, http.client.HTTPException) as error:
        said = {"problem": f"{address.host} could not be reached ({type(error).__name__}).", "remedy": again}
    sys.stdout.write(json.dumps(said) + "\n")


if __name__ == "__main__":
    main()
