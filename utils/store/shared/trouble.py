"""Trouble with the shared cache: why objects could not be read or written.

The text of the library and of the server is looked at for its kind and numbers and never passed on: parts of
credentials may stand in it.
"""

import errno
import os
import re

DENIED = (errno.EACCES, errno.EPERM, errno.EROFS)
FULL = (errno.ENOSPC, errno.EDQUOT)


class ObjectError(Exception):
    """Why, in words that follow the place's name, and what to do.

    `lasting` where trying again soon is vain, `passing` where the place is ill and nothing here is set up wrongly.
    """

    def __init__(self, why: str, remedy: str, *, lasting: bool = False, passing: bool = False) -> None:
        super().__init__(why)
        self.why, self.remedy, self.lasting, self.passing = why, remedy, lasting, passing


class NoObject(ObjectError):
    """There is no object of that name."""

    def __init__(self) -> None:
        super().__init__("has no such object", "Check the names of bucket and folder.")


def late(limit_s: float) -> ObjectError:
    """The error of a call that took too long."""
    return ObjectError(
        f"did not answer within {limit_s:.0f} s", "Check the network and AWS_ENDPOINT_URL.", passing=True
    )


def explained(error: Exception) -> ObjectError:
    """What an error of the library means."""
    from obstore.exceptions import PermissionDeniedError, UnauthenticatedError

    text = str(error)
    number, status = _number(r"(?:os error |\bcode: )(\d+)", text), _number(r"status code: (\d{3})", text)
    if isinstance(error, FileNotFoundError):
        return NoObject()
    if "NoSuchBucket" in text:
        return ObjectError("has no such bucket", "Create it, or check its name.", lasting=True)
    if isinstance(error, PermissionDeniedError | UnauthenticatedError) or status in (401, 403) or number in DENIED:
        remedy = "Check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION and their rights, or those of the folder."
        return ObjectError("denies access", remedy, lasting=True)
    if number in FULL or status in (413, 507) or "QuotaExceeded" in text:
        remedy = "Make room with `python -m pipeline cache prune --shared --older 30`, or give it more."
        return ObjectError("is full", remedy, lasting=True)
    if status:
        remedy = "Check AWS_ENDPOINT_URL and AWS_REGION, or wait."
        return ObjectError(f"answered with an error (HTTP {status})", remedy, passing=status >= 500)
    if "dns error" in text:
        return ObjectError("lies on a host without an address", "Check AWS_ENDPOINT_URL, AWS_REGION and the network.")
    if "kind: Connect" in text:
        return ObjectError("cannot be reached", "Check the network and AWS_ENDPOINT_URL.")
    if number:
        return ObjectError(f"cannot be used ({os.strerror(number)})", "Check the network, or the folder.")
    remedy = "Check the network and AWS_ENDPOINT_URL."
    return ObjectError("broke off in the middle of an answer", remedy, passing=True)


def _number(pattern: str, text: str) -> int:
    match = re.search(pattern, text)
    return int(match[1]) if match else 0
