"""A file on its way from an address into an upload: a guarded child fetches it, and this process only listens."""

import json
import sys
from collections.abc import Mapping
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from utils.address.address import Address
from utils.address.transfer import USUAL, Limits
from utils.errors import AddressError
from utils.guarded_child import follow
from utils.progress import Cancel, Listener, Progress
from utils.untrusted_json import UntrustedJson, read_object

STAGE = "fetch"
SLACK_S = 120.0
"""How much longer than its own limit the child may run."""
MOST_LINE_BYTES = 1 << 16


@dataclass(frozen=True)
class Arriving:
    """The fetch of an address into an upload of a folder."""

    folder: Path
    upload: str
    address: Address
    most_bytes: int
    limits: Limits = USUAL
    slack_s: float = SLACK_S

    def listen(self, listener: Listener, cancel: Cancel) -> None:
        """Let the child fetch the file; returns when all of it is here. AddressError says why that cannot be."""
        told = {"folder": str(self.folder.absolute()), "upload": self.upload, "most_bytes": self.most_bytes}
        told |= {"address": self.address.whole, "limits": asdict(self.limits)}
        command, limit_s = [sys.executable, "-m", "utils.address.child"], self.limits.total_s + self.slack_s
        with closing(follow(command, json.dumps(told), limit_s, cancel.check)) as lines:
            for line in lines:
                answer = _parsed(line)
                if "problem" in answer:
                    raise AddressError(str(answer["problem"]), str(answer.get("remedy", "")))
                if not answer:
                    return
                listener(Progress(STAGE, answer["have"], answer["bytes"], self.address.title))
        raise AddressError(
            f"Fetching {self.address.shown} ended without an answer.", "Try it again; what has arrived is kept."
        )


def _parsed(line: str) -> Mapping[str, Any]:
    try:
        return read_object(line, MOST_LINE_BYTES)
    except UntrustedJson as error:
        raise AddressError("The process that fetches said something unreadable.", "Try it again.") from error
