"""Kind: what a kind of job says of itself, for everybody who takes orders, runs them, or shows them.

The kinds that there are stand in `pipeline.kinds`. A kind is described by plain values and functions; what computes is
imported inside the functions, because the web process and the command line read the description of every kind.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pipeline.estimate import Estimate, FinishedRun
from pipeline.settings import JobSettings
from pipeline.stage import RunContext
from pipeline.stage_texts import StageText
from utils.media.timebase import Span
from utils.progress import Cancel

Content = Literal["clip", "picture", "matte", "strokes", "transcript", "changes", "sound", "keys"]
"""What an input can be; it decides how a file is checked and where the library keeps it."""


SUMMARY_LETTERS = 60
"""How much of a prompt stands on a job's card."""


def in_short(prompt: str) -> str:
    """The beginning of a prompt, for lists of jobs."""
    return prompt if len(prompt) <= SUMMARY_LETTERS else prompt[: SUMMARY_LETTERS - 1] + "…"


@dataclass(frozen=True)
class Role:
    """One input of a kind of job."""

    title: str
    content: Content
    required: bool = True


@dataclass(frozen=True)
class Task:
    """What a run is asked to do: a file for each role, and the preset; all settings are in the run's context."""

    inputs: Mapping[str, Path]
    preset: str = ""


@dataclass(frozen=True)
class PartPreview:
    """A finished part of a running job, which can be written as a small clip for people to watch."""

    index: int
    name: str
    span: Span
    digest: str
    cached: bool
    write: Callable[[Path, Cancel], None]


ShowPart = Callable[[PartPreview], None]


@dataclass(frozen=True)
class Published:
    """What is known of a written result."""

    facts: Mapping[str, Any]
    """What its page shows, beside what every job has."""
    figures: Mapping[str, Any]
    """What the ledger keeps of it: numbers for the dashboard and for estimates of other jobs."""


@dataclass(frozen=True)
class Outcome:
    """What a run has made, still in the cache, and how its files are written."""

    bytes: int
    """The size of the finished clip."""
    write: Callable[[Path], Published]
    """Write all files of the result into a folder."""


@dataclass(frozen=True)
class ResultFile:
    """A file of a result: its label on the page, and the ending of its name when it is downloaded."""

    label: str
    ending: str
    listed: bool = True


@dataclass(frozen=True)
class Kind:
    """A kind of job."""

    name: str
    """The name that orders and settings files use."""
    title: str
    """The verb on the button: 'Restyle'."""
    about: str
    """One sentence for people who choose between kinds."""
    roles: Mapping[str, Role]
    settings: type[JobSettings]
    front: tuple[str, ...]
    """Settings that a form shows first; the others have good defaults."""
    stages: Mapping[str, StageText]
    """What each stage of a run is called, and its usual share of the time, in their order."""
    files: Mapping[str, ResultFile]
    """The files of a result, by name."""
    measures: tuple[str, ...]
    """Names of the measures (`pipeline.report.quality`) that its results have."""
    run: Callable[[Task, RunContext, ShowPart], Outcome]
    estimate: Callable[[Mapping[str, Any], Sequence[FinishedRun], Mapping[str, Any]], Mapping[str, Estimate]]
    """What each preset takes for a clip with these facts, after these finished jobs; '' where there are no presets."""
    summary: Callable[[Mapping[str, Any]], str]
    """A word or two on all settings of a job, for lists: the name of the look."""
    preview: Callable[[Task, RunContext, float | None], Any] | None = None
    """One frame as a job would finish it, as a `FramePreview`; None if a kind has no such thing."""
    part: Callable[[Task, RunContext, int], str] | None = None
    """Make one part of a task that another machine runs; returns the digest of its key. None: it has no parts."""
    engine: str = ""
    """The setting that chooses an engine; empty for a kind that needs none."""
    listed: Mapping[str, Content] = field(default_factory=dict)
    """Settings that list files by name and digest, and what these are; a folder of such files stands for them."""
    quick: tuple[str, ...] = field(default=())
    """Settings that can be changed on the card of a waiting job."""

    @property
    def presets(self) -> Mapping[str, str]:
        """The names of the presets, each with its summary."""
        return self.settings.presets()

    @property
    def file_settings(self) -> dict[str, str]:
        """The settings whose value is a file: role -> name. In an order such a file is an input, not a setting."""
        return {field.key: field.name for field in self.settings.fields() if field.kind == "file"}

    def without_files(self, settings: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
        """Settings without those that are files, and these files by their role."""
        names = {name: role for role, name in self.file_settings.items()}
        files = {names[name]: str(value) for name, value in settings.items() if name in names and value}
        return {name: value for name, value in settings.items() if name not in names}, files

    def with_files(self, settings: Mapping[str, Any], files: Mapping[str, object]) -> dict[str, Any]:
        """Settings with the files of these roles put back in."""
        names = self.file_settings
        return {**settings, **{names[role]: str(file) for role, file in files.items() if role in names}}
