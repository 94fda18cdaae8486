"""A family of models as its YAML file describes it: licence, what it is good for, and its checkpoints.

A checkpoint is a set of files that is fetched and loaded as a whole: some files of a Hugging Face repository, or one
file of another server whose checksum is known.
"""

import re
from pathlib import PurePosixPath
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

GB = 1_000_000_000
PICKLES = (".pt", ".pth", ".bin", ".ckpt", ".pkl", ".pickle")
"""Files in these forms may run code when they are loaded."""
INDEX = "model_index.json"
"""The file that says what a model of several networks consists of."""
CHECKSUM = r"^[0-9a-f]{40}([0-9a-f]{24})?$"


def stays_inside(path: str) -> bool:
    """Whether a path, or a pattern of paths, stays inside of the folder that it is relative to."""
    parts = PurePosixPath(path).parts
    return bool(parts) and not path.startswith("/") and ".." not in parts and "\\" not in path and "\0" not in path


def is_checksum(text: object) -> bool:
    """Whether a text has the form of a SHA-256 or SHA-1."""
    return isinstance(text, str) and re.fullmatch(CHECKSUM, text) is not None


def is_pickle(path: str) -> bool:
    """Whether a file, by its name, may run code when it is loaded."""
    return path.lower().endswith(PICKLES)


def _inside(path: str) -> str:
    if not stays_inside(path):
        raise ValueError(f"{path!r:.80} leads out of its folder")
    return path


Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9.+-]{1,59}$")]
Option = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z_]{0,30}$")]
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=400)]
RelativePath = Annotated[str, AfterValidator(_inside)]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Checksum = Annotated[str, StringConstraints(pattern=CHECKSUM)]
"""A SHA-256, or the SHA-1 by which git names a commit or a small file."""


class Strict(BaseModel):
    """Values of a file, without any that nobody reads."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Licence(Strict):
    """The licence of weights, and whether it allows to be paid for what is made with them."""

    name: Text
    url: Text
    paid_work: bool


class Checkpoint(Strict):
    """A set of files that is fetched and loaded as a whole. Its size is an estimate until the hub was asked."""

    name: Name
    good_for: Text
    about_gb: Annotated[float, Field(gt=0, le=2000)]
    card_gb: Annotated[int, Field(ge=0, le=1000)]
    """Memory of a graphics card that it wants; 0 if it runs without one."""
    repository: Annotated[str, StringConstraints(pattern=r"^\w[\w.-]*/\w[\w.-]*$")] | None = None
    revision: Annotated[str, StringConstraints(pattern=r"^\w[\w.-]*(/\w[\w.-]*)*$")] = "main"
    """A commit, or a branch, of which the first fetch notes the commit."""
    files: tuple[RelativePath, ...] = ()
    """Patterns of the files that belong to it; each must match at least one."""
    no_pickles: tuple[RelativePath, ...] = ()
    """Files that are named as pickles are and hold no code, because their engine reads a form of its own from them."""
    url: Annotated[str, StringConstraints(pattern=r"^https?://")] | None = None
    sha256: Sha256 | None = None
    parts: dict[Option, Name] = Field(default_factory=dict)
    """Other checkpoints that it cannot do without, by what its engine takes from them; fetched and found with it."""
    optional: dict[Option, Name] = Field(default_factory=dict)
    """Others by what its engine takes from them only where a setting asks for it; each is fetched by its own name."""
    options: dict[Option, float] = Field(default_factory=dict)
    """What its engine has to know of it, such as steps; each engine knows its own."""
    on_pods: bool = False
    """Whether the volume of the pod template has room for it."""

    @model_validator(mode="after")
    def _has_one_source(self) -> Self:
        if (self.repository is None) == (self.url is None):
            raise ValueError(f"{self.name} needs a repository or a url, and not both")
        if self.repository and not self.files:
            raise ValueError(f"{self.name} does not say which files of {self.repository} belong to it")
        if self.url and not self.sha256:
            raise ValueError(f"{self.name} needs the sha256 of the file at its url")
        if not stays_inside(self.patterns[0]):
            raise ValueError(f"the url of {self.name} names no file")
        return self

    @property
    def about_bytes(self) -> int:
        """Its size in bytes, about."""
        return round(self.about_gb * GB)

    @property
    def source(self) -> str:
        """The repository or address that it comes from."""
        return self.repository or self.url or ""

    @property
    def patterns(self) -> tuple[str, ...]:
        """Patterns of its files, relative to the folder that holds them."""
        return (PurePosixPath(urlsplit(self.url).path).name,) if self.url else self.files

    @property
    def others(self) -> tuple[str, ...]:
        """The names of all checkpoints that are parts of it, needed or optional."""
        return (*self.parts.values(), *self.optional.values())

    @property
    def is_whole(self) -> bool:
        """Whether it is a model of its own, also where others take something from it."""
        return INDEX in self.files

    @property
    def folder_names(self) -> tuple[str, ...]:
        """Names of folders that hold it when somebody brings it: its own name, or that of its repository."""
        return (self.name, self.repository.partition("/")[2]) if self.repository else (self.name,)


class Family(Strict):
    """Checkpoints that one engine loads, under one licence."""

    family: Name
    engine: Name | None = None
    """The engine that loads it; None where it is refused."""
    good_for: Text
    licence: Licence
    refused: Text | None = None
    """Why it may not be used here; None if it may."""
    checkpoints: tuple[Checkpoint, ...] = ()

    @model_validator(mode="after")
    def _is_refused_for_a_reason(self) -> Self:
        if not self.licence.paid_work and not self.refused:
            raise ValueError(f"the licence of {self.family} forbids paid work, so it needs a reason under `refused`")
        if not self.refused and not (self.engine and self.checkpoints):
            raise ValueError(f"{self.family} has no engine or no checkpoints")
        return self


class Addition(Strict):
    """More checkpoints of a family that is known already."""

    extends: Name
    checkpoints: Annotated[tuple[Checkpoint, ...], Field(min_length=1)]
