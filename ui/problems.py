"""What can be wrong with a request, beside what can be wrong with the work."""

from utils.errors import ReshootError


class NotHere(ReshootError):
    """Nothing is there under this name, or it is none that could be."""


class NotAllowed(ReshootError):
    """The request is well formed, and refused."""


class TooLarge(ReshootError):
    """More than this server takes."""
