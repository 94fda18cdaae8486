"""The order: everything that a job needs, on any machine that can reach the bytes of its inputs."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from pipeline.kind import Kind, Task
from pipeline.kinds import USUAL, find_kind
from pipeline.library import inputs
from utils.digest import is_digest
from utils.errors import SettingsError


@dataclass(frozen=True)
class Order:
    """What a job was asked to do."""

    kind: str
    inputs: Mapping[str, str]
    """Role -> digest of the file's content."""
    title: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    """What overrides the preset, by dotted names; without settings that are files, which are inputs."""
    preset: str = ""
    owner: str = ""
    """Cookie secret of the browser that submitted it; empty for the command line."""
    batch: str = ""
    """The batch of clips that an order was submitted with, as an id; and the batch's name for people."""
    batch_name: str = ""

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "Order":
        """Read an order from the database, also one of a version that knew no kinds and named a clip by its path."""
        if "kind" in values:
            return cls(**values)
        rest = {name: value for name, value in values.items() if name not in ("clip", "settings")}
        settings, files = find_kind(USUAL).without_files(values.get("settings", {}))
        return cls(USUAL, {"clip": values["clip"], **files}, settings=settings, **rest)

    def to_json(self) -> dict[str, Any]:
        """Plain values for the database."""
        return asdict(self)

    @property
    def chosen(self) -> dict[str, Any]:
        """Its settings with its files among them, by their digests: as forms and settings files have them."""
        return find_kind(self.kind).with_files(self.settings, self.inputs)

    @property
    def digests(self) -> set[str]:
        """The digests of all files that it names."""
        return {*filter(is_digest, self.inputs.values()), *inputs.mentioned(self.settings)}

    def all_settings(self) -> dict[str, Any]:
        """Every setting that it runs with, files by their digests."""
        return dict(find_kind(self.kind).settings.load(self.preset, self.chosen).flat())

    def complete(self) -> "Order":
        """The order itself; SettingsError if a file that its kind cannot do without is missing from its settings."""
        kind = find_kind(self.kind)
        for role, name in kind.file_settings.items():
            if kind.roles[role].required and role not in self.inputs:
                raise SettingsError(f"{name} is missing, and this kind of job begins with it.", "Give a file for it.")
        return self

    def task(self, home: Path) -> tuple[Kind, Task, dict[str, Any]]:
        """Its kind, its task with every input found in a home, and all settings of the run."""
        kind = find_kind(self.kind)
        files = {role: inputs.find(home, value, kind.roles[role].content) for role, value in self.inputs.items()}
        chosen = kind.with_files(self.settings, files)
        return kind, Task(files, self.preset), dict(kind.settings.load(self.preset, chosen).flat())


def make_order(kind: Kind, files: Mapping[str, str], title: str, settings: Mapping[str, Any], preset: str) -> Order:
    """An order whose settings are valid; `files` are digests by role, to which settings that are files add theirs."""
    kind.settings.load(preset, settings)
    rest, from_settings = kind.without_files(settings)
    return Order(kind.name, {**files, **from_settings}, title, rest, preset)
