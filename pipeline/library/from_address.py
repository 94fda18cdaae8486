"""Clips from http(s) addresses: fetched by a guarded child process, then stored and inspected as uploads are.

    fetch = Fetch.begin(home, Address.read("https://example.org/walk.mp4"))   # quick: the limits on uploads hold for it
    clip = Clips(home).get(fetch.run(listener, cancel))                       # blocks for as long as it takes

What has arrived when it is cut off or cancelled is gone on with by the next fetch of the same address, for a day. A
file that was fetched before is asked for only if it has changed. Nothing here connects to anything; the child does.
"""

from dataclasses import dataclass
from pathlib import Path

from pipeline.library.clips import Clips, NoClip
from utils.address.address import Address
from utils.address.arriving import Arriving
from utils.progress import Cancel, Listener
from utils.uploads import MOST_BYTES, Uploads


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
        Arriving(self.home / "uploads", self.upload, self.address, self.most_bytes).listen(listener, cancel)
        cancel.check()
        state = uploads.get(self.upload)
        with uploads.whole(self.upload) as (part, digest):
            return Clips(self.home).add(part, state.title, digest, self.address.shown)


def _is_stored(home: Path, clip: str) -> bool:
    try:
        return Clips(home).path(clip).is_file()
    except NoClip:
        return False
