"""Errors of requests, beside those of the pipeline; ui/server.py maps each to an HTTP status."""

from utils.errors import ReshootError


class NotHere(ReshootError):
    """404: there is nothing under this name, or the name is malformed."""


class NotAllowed(ReshootError):
    """403: the request is well formed but refused."""


class TooLarge(ReshootError):
    """413: the request is larger than this server accepts."""


class Overtaken(ReshootError):
    """409: a newer request of the same browser took the place of this one."""
