"""Whether a place may become or is a shared cache: looked at when an app or a worker starts, before any run needs it.

A place that is used as one carries a small object that says so. Without it there must be nothing but what earlier
versions have written, so that a bucket of another project is never filled or pruned.
"""

import json
import logging
from contextlib import suppress

from utils.errors import StoreError
from utils.progress import Cancel
from utils.store.shared.objects import Objects
from utils.store.shared.prune import CLOCK
from utils.store.shared.tier import BLOBS, LEASES, MANIFESTS, USES
from utils.store.shared.trouble import NoObject, ObjectError

log = logging.getLogger(__name__)

SIGN, FORMAT = "reshoot.json", 1
"""The object that marks a place, and the version of how results lie there."""
OURS = {MANIFESTS, BLOBS, USES, LEASES, CLOCK, SIGN}
OF_DISKS = {"lost+found"}
"""What lies on a disk that was just formatted, beside what is hidden."""
MOST_BYTES = 4096


def claim(objects: Objects, *, writes: bool) -> None:
    """Mark a place as a shared cache; StoreError when it cannot be one, or cannot be used as this machine is set up.

    With `writes` it must be possible to write there. A place that is only ill now is left to the runs, which go on
    without it.
    """
    try:
        if not _is_marked(objects):
            _check_unused(objects)
            with suppress(*() if writes else (ObjectError,)):  # who may only read shares as well
                _mark(objects)
        elif writes:
            _mark(objects)
    except ObjectError as error:
        sentence = f"The shared cache {objects.location} {error.why}."
        if not error.passing:
            raise StoreError(sentence, error.remedy) from None
        log.warning("%s Work goes on without it until it answers. %s", sentence, error.remedy)


def _is_marked(objects: Objects) -> bool:
    """Whether the place says of itself that it is a shared cache of this format."""
    try:
        said = objects.read(SIGN, Cancel(), most_bytes=MOST_BYTES)
    except NoObject:
        return False
    try:
        format_ = json.loads(said)["shared cache"]
    except (ValueError, KeyError, TypeError):
        format_ = None
    if format_ != FORMAT:
        problem = f"The shared cache {objects.location} belongs to another version of Reshoot."
        raise StoreError(problem, "Update Reshoot on this machine, or give a place of its own: s3://BUCKET/ANOTHER.")
    return True


def _check_unused(objects: Objects) -> None:
    """Refuse a place that somebody else uses."""
    try:
        there = objects.top(Cancel())
    except NoObject:
        raise ObjectError("has no such bucket", "Create it, or check its name.", lasting=True) from None
    foreign = sorted(name for name in there if name not in OURS | OF_DISKS and not name.startswith("."))
    if foreign:
        problem = f"{objects.location} holds what is not Reshoot's, such as {foreign[0][:60]!r}."
        raise StoreError(problem, "Give an empty bucket, or a folder of its own in it: s3://BUCKET/reshoot.")


def _mark(objects: Objects) -> None:
    objects.write(SIGN, json.dumps({"shared cache": FORMAT}).encode(), Cancel())
