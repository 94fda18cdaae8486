"""Reads settings from YAML files, JSON, and clips that Reshoot made, as assignments that are validated later."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NoReturn

import yaml

from pipeline.settings.field import Field, shown
from utils.errors import SettingsError
from utils.media.xmp import read_settings
from utils.untrusted_json import MOST_DEPTH, UntrustedJson, read_json

LARGEST_FILE_BYTES = 256 * 1024
"""The largest settings file that is read; a larger one must be some other kind of file."""


class _Loader(yaml.SafeLoader):
    """YAML with a limit on how deep it is nested."""

    _depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """One node and all that is in it."""
        self._depth += 1
        if self._depth > MOST_DEPTH:
            raise yaml.YAMLError(f"it is nested deeper than {MOST_DEPTH} levels")
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node


@dataclass(frozen=True)
class Assignment:
    """A setting's name, its new value, and where it was assigned ('fast.yaml, line 3: ', or empty)."""

    name: str
    value: Any
    where: str = ""
    is_text: bool = False

    def typed(self, field: Field) -> Any:
        """The value, converted to the setting's type where it is unquoted text of a YAML file."""
        return field.read(self.value) if self.is_text else self.value


def from_mapping(values: Mapping[str, Any]) -> list[Assignment]:
    """The assignments of a mapping of dotted names or of groups; a dotted name has a value, and never a group."""
    return [assignment for name, value in values.items() for assignment in _assignments(str(name), value)]


def _assignments(name: str, value: Any) -> list[Assignment]:
    if isinstance(value, Mapping) and "." not in name:
        return [Assignment(f"{name}.{key}", inner) for key, inner in value.items()]
    return [Assignment(name, value)]


def from_json(text: str) -> list[Assignment]:
    """The assignments of a JSON object."""
    try:
        values = read_json(text, LARGEST_FILE_BYTES)
    except UntrustedJson as error:
        raise SettingsError(f"These settings are not JSON: {error}.", "Save them again, or use a preset.") from error
    if not isinstance(values, dict):
        raise SettingsError("These settings are not a set of names and values.", 'Write {"stabilise.window_s": 2}.')
    return from_mapping(values)


def from_file(path: Path) -> list[Assignment]:
    """The assignments of a YAML or JSON file, each with its line, or of an MP4 that Reshoot made."""
    data = _data(path)
    if data[4:8] == b"ftyp":
        return _from_clip(path)
    text = _text(path, data)
    try:
        root = yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        line = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        _refuse(path, f"{path.name}{line}: this is not YAML ({error.problem}).")
    except yaml.YAMLError as error:
        _refuse(path, f"{path.name} is not YAML ({str(error).splitlines()[0]}).")
    return list(_leaves(root, _locator(path))) if root is not None else []


def _from_clip(path: Path) -> list[Assignment]:
    """The assignments in the metadata of a finished clip."""
    settings = (read_settings(path) or {}).get("settings")
    if not isinstance(settings, dict):
        _refuse(path, f"{path.name} is a clip that carries no settings of Reshoot.")
    return [replace(assignment, where=f"{path.name}: ") for assignment in from_mapping(settings)]


def _data(path: Path) -> bytes:
    """The bytes of a file, up to one more than the largest settings file."""
    try:
        with path.open("rb") as file:
            return file.read(LARGEST_FILE_BYTES + 1)
    except OSError as error:
        raise SettingsError(
            f"The settings file {path} cannot be read: {error.strerror}.", "Check its path and permissions."
        ) from error


def _text(path: Path, data: bytes) -> str:
    if len(data) > LARGEST_FILE_BYTES:
        _refuse(path, f"{path.name} is larger than {LARGEST_FILE_BYTES // 1024} KiB, too large for settings.")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        _refuse(path, f"{path.name} is not a text file in UTF-8.")


def _leaves(root: yaml.Node, at: Callable[[yaml.Node], str]) -> Iterator[Assignment]:
    """The assignments of a YAML file of two levels, groups and keys, or of dotted names on the first level."""
    lines: dict[str, str] = {}
    for group, node in _pairs(root, at):
        inner = _pairs(node, at) if isinstance(node, yaml.MappingNode) else None
        if inner is None and _is_null(node) and "." not in group.value:
            continue
        for key, value in [(group, node)] if inner is None else inner:
            name = group.value if inner is None else f"{group.value}.{key.value}"
            if name in lines:
                raise SettingsError(f"{at(key)}{shown(name)} is set a second time.", "Remove one of the two.")
            lines[name] = at(key)
            yield _leaf(name, value, lines[name])


def _leaf(name: str, node: yaml.Node, where: str) -> Assignment:
    if not isinstance(node, yaml.ScalarNode):
        return Assignment(name, [], where)
    if _is_null(node):
        return Assignment(name, None, where)
    return Assignment(name, node.value, where, is_text=node.style is None)


def _pairs(node: yaml.Node, at: Callable[[yaml.Node], str]) -> list[tuple[yaml.ScalarNode, yaml.Node]]:
    """The names and values of a YAML mapping; a name that comes twice is an error."""
    if not isinstance(node, yaml.MappingNode):
        raise SettingsError(
            f"{at(node)}this is not a set of names and values.", "Write 'stabilise:' and '  window_s: 2'."
        )
    seen: set[str] = set()
    for key, _ in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise SettingsError(f"{at(key)}a name must be a single word.", "Write it as 'window_s: 2'.")
        if key.value in seen:
            raise SettingsError(f"{at(key)}{shown(key.value)} is there a second time.", "Remove one of the two.")
        seen.add(key.value)
    return list(node.value)


def _is_null(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.tag == "tag:yaml.org,2002:null"


def _locator(path: Path) -> Callable[[yaml.Node], str]:
    return lambda node: f"{path.name}, line {node.start_mark.line + 1}: "


def _refuse(path: Path, problem: str) -> NoReturn:
    raise SettingsError(problem, f"Correct {path}, or leave it out and use a preset.")
