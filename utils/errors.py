"""The tree of errors that are shown to users.

    ReshootError
    ├── ClipError                the file given as a clip cannot be used
    │   ├── UnreadableClip       nothing in it decodes, or it has no picture
    │   └── RefusedClip          it is not what it claims to be, or is beyond the limits
    ├── AddressError             the file at an http(s) address cannot be fetched
    ├── PictureError             the file given as a picture cannot be used
    ├── TranscriptError          the file given as a transcript cannot be used
    ├── WriteError               a result could not be written
    ├── StoreError               the cache cannot do what was asked
    │   ├── StoreFull            no room, even after making some
    │   └── UnkeyableValue       a value that has no place in a cache key
    ├── ModelError               the weights of a model are unknown, not here, not allowed, or damaged
    ├── SettingsError            a setting's name or value is wrong
    ├── UndeclaredSetting        a stage asked for a setting that it did not declare
    └── Cancelled                the user stopped it

Each is a sentence that says what is wrong and one that says what to do next.
"""


class ReshootError(Exception):
    """Base class: the problem and its remedy, one sentence each."""

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(problem, remedy)
        self.problem = problem
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.problem} {self.remedy}"


class ClipError(ReshootError):
    """The file given as a clip cannot be used."""


class UnreadableClip(ClipError):
    """Nothing in the file decodes as a picture."""


class RefusedClip(ClipError):
    """The file is not what it claims to be, or lies beyond the limits."""


class AddressError(ReshootError):
    """The file at an http(s) address cannot be fetched."""


class PictureError(ReshootError):
    """The file given as a picture is none, or is too large."""


class TranscriptError(ReshootError):
    """The file given as a transcript cannot be read, or belongs to another clip."""


class WriteError(ReshootError):
    """A result could not be written; no half-written file is left."""


class StoreError(ReshootError):
    """The cache cannot do what was asked."""


class StoreFull(StoreError):
    """The disk or the byte limit has no room for an entry, even after eviction.

    `needs_bytes` should be free on the disk before a retry; it is 0 when the byte limit was reached.
    """

    def __init__(self, problem: str, remedy: str, needs_bytes: int = 0) -> None:
        super().__init__(problem, remedy)
        self.needs_bytes = needs_bytes


class UnkeyableValue(StoreError):
    """A value that has no exact canonical form cannot be part of a cache key."""


class ModelError(ReshootError):
    """The weights of a model are unknown, not here, refused, damaged, or cannot be fetched."""


class SettingsError(ReshootError):
    """A setting's name is unknown or its value is outside its range."""


class UndeclaredSetting(ReshootError):
    """A stage reached for a setting that it did not declare."""


class Cancelled(ReshootError):
    """The user stopped the work; finished steps are kept."""

    def __init__(self) -> None:
        super().__init__("Stopped.", "What was finished is kept; run it again to go on from there.")
