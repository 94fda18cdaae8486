"""python -m utils.address.child: fetches the file of an address into an upload, in a process with limits.

It is told one line of JSON on its standard input, where no list of processes shows it: {address, folder, upload,
most_bytes, limits}. It says lines of JSON: {have, bytes} as the file arrives, and at the end {} or {problem, remedy}.
"""

import json
import sys
import time
from pathlib import Path

from utils.address.address import Address
from utils.address.checked import Gate, private_allowed
from utils.address.transfer import Limits, Transfer
from utils.disk import full_disk, out_of_room
from utils.errors import AddressError, ReshootError
from utils.guarded_child import go_with_parent, heard, limit
from utils.progress import Cancel
from utils.store.lease import only_one
from utils.uploads import Uploads

MEMORY_BYTES = 1 << 30
PULSE_S = 0.2
LOCK = "fetching"


def fetch(address: Address, uploads: Uploads, upload: str, lock: Path, limits: Limits) -> None:
    """Fetch an address, unless another process just has, which is waited for."""
    before = uploads.get(upload)
    with only_one(lock, Cancel()):
        now = uploads.get(upload)
        if now != before and (now.digest or now.have == now.bytes):
            return
        Transfer(address, upload, uploads, Gate(private_allowed()), _Pulse().tell, limits).run()


class _Pulse:
    """Tells the progress a few times a second."""

    def __init__(self) -> None:
        self._told_at = 0.0

    def tell(self, have: int, bytes: int | None) -> None:
        if time.monotonic() - self._told_at > PULSE_S:
            self._told_at = time.monotonic()
            _say(have=have, bytes=bytes)


def _say(**values: object) -> None:
    sys.stdout.write(json.dumps(values) + "\n")
    sys.stdout.flush()


def main() -> None:
    """Entry point of the child."""
    told = json.loads(heard())
    go_with_parent()
    limit(MEMORY_BYTES)
    folder, upload = Path(told["folder"]), told["upload"]
    uploads = Uploads(folder, told["most_bytes"])
    try:
        fetch(Address.read(told["address"]), uploads, upload, folder / upload / LOCK, Limits(**told["limits"]))
        _say()
    except ReshootError as error:
        _say(problem=error.problem, remedy=error.remedy)
    except OSError as error:
        failed = full_disk(folder) if out_of_room(error) else _unwritable(folder, error)
        _say(problem=failed.problem, remedy=failed.remedy)


def _unwritable(folder: Path, error: OSError) -> AddressError:
    problem = f"Nothing can be written to {folder}: {error.strerror or error}."
    return AddressError(problem, "Check its permissions, or choose another home; what has arrived is kept.")


if __name__ == "__main__":
    main()
