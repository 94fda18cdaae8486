"""Clips from http(s) addresses: fetched by a guarded child process, then stored and inspected as uploads are.

    fetch = Fetch.begin(home, Address.read("https://example.org/walk.mp4"))   # quick: the limits on uploads hold for it
    clip = Clips(home).get(fetch.run(listener, cancel))                       # blocks for as long as it takes

What has arrived when it is cut off or cancelled is gone on with by the next fetch of the same address, for a day. A
file that was fetched before is asked for only if it has changed. Nothing here connects to anything; the child does.
"""

import json
import sys
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.library.clips import Clips, NoClip
from utils.address.address import Address
from utils.address.transfer import Limits
from utils.errors import AddressError
from utils.guarded_child import follow
from utils.progress import Cancel, Listener, Progress
from utils.untrusted_json import UntrustedJson, read_object
from utils.uploads import MOST_BYTES, Uploads

STAGE = "fetch"
SLACK_S = 120.0
"""How much longer than its own limit the child may run."""
MOST_LINE_BYTES = 1 << 16


@dataclass(frozen=True)
class Fetch:
    """A fetch that was begun: the upload that it fills, and where."""

    home: Path
    address: Address
    upload: str
    most_bytes: int

    @classmethod
    def begin(
        cls, home: Path, address: Address, owner: str = "", network: str = "", most_bytes: int = MOST_BYTES
    ) -> "Fetch":
        """Open an upload for an address, or the one that an earlier fetch left; UploadError if there are too many."""
        uploads, source = Uploads(home / "uploads", most_bytes), address.digest
        uploads.sweep()
        upload = uploads.find(source, owner)
        if upload and (digest := uploads.get(upload).digest) and not _is_stored(home, digest):
            uploads.drop(upload)
        upload = uploads.begin(address.title, 1, owner, network, source)
        return cls(home, address, upload, most_bytes)

    def run(self, listener: Listener, cancel: Cancel) -> str:
        """Fetch it and store it; returns the id of the clip. AddressError says why that cannot be."""
        uploads = Uploads(self.home / "uploads", self.most_bytes)
        self._listen_to_child(listener, cancel)
        cancel.check()
        state = uploads.get(self.upload)
        with uploads.whole(self.upload) as (part, digest):
            return Clips(self.home).add(part, state.title, digest, self.address.shown)

    def _listen_to_child(self, listener: Listener, cancel: Cancel) -> None:
        """Let the child fetch the file; returns when all of it is here."""
        folder = str((self.home / "uploads").absolute())
        told = {"folder": folder, "upload": self.upload, "most_bytes": self.most_bytes, "address": self.address.whole}
        command, limit_s = [sys.executable, "-m", "utils.address.child"], Limits().total_s + SLACK_S
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


def _is_stored(home: Path, clip: str) -> bool:
    try:
        return Clips(home).path(clip).is_file()
    except NoClip:
        return False
