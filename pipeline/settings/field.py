"""`Field`, the description of one setting, from which flags, forms, ranges and help texts are generated."""

from dataclasses import dataclass
from typing import Any, Literal, get_args, get_origin

import pydantic
from annotated_types import Ge, Le, MaxLen
from pydantic.fields import FieldInfo

Value = str | int | float | None
"""What a setting can hold; each has one exact JSON form."""

ValueKind = Literal["number", "whole number", "choice", "file", "text"]


@dataclass(frozen=True)
class Field:
    """One setting: its dotted name, what it does, and what it accepts."""

    name: str
    title: str
    help: str
    unit: str
    kind: ValueKind
    default: Value
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[Value, ...] = ()

    @property
    def group(self) -> str:
        """The part before the dot."""
        return self.name.partition(".")[0]

    @property
    def key(self) -> str:
        """The part after the dot."""
        return self.name.partition(".")[2]

    @property
    def range_text(self) -> str:
        """The accepted values: '0.2 to 10 s', 'gaussian or optimal', 'a file or nothing'."""
        if self.kind == "choice":
            *most, last = map(str, self.choices)
            return f"{', '.join(most)} or {last}" if most else last
        if self.kind == "file":
            return "a file or nothing"
        if self.kind == "text":
            return f"text of at most {self.maximum:.15g} characters"
        return f"{self.minimum:.15g} to {self.maximum:.15g} {self.unit}".rstrip()

    @property
    def takes(self) -> str:
        """The accepted values, as the end of a sentence that begins with 'it takes'."""
        if self.kind == "file":
            return "the path of a file, or nothing"
        if self.kind == "text":
            return self.range_text
        return f"a {self.kind} from {self.range_text}" if self.kind != "choice" else self.range_text

    def read(self, text: str) -> Value:
        """The value of typed text; text that fits no other kind stays text, which validation refuses."""
        if self.kind == "choice":
            return next((choice for choice in self.choices if str(choice) == text), text)
        if self.kind == "file":
            return text or None
        if self.kind == "text":
            return text
        try:
            return int(text) if self.kind == "whole number" else float(text)
        except ValueError:
            return text


def shown(value: object) -> str:
    """A value as an error sentence quotes it: short, and on one line whatever it holds."""
    if value is None:
        return "nothing"
    if isinstance(value, dict | list | tuple | set):
        return "several values"
    if isinstance(value, int) and abs(value) > 10**30:
        return "a number that long"
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:56]}...{text[0]}"


def present(value: Value) -> str:
    """A valid value as a sentence or a table names it."""
    return "not set" if value is None else str(value)


def setting(
    default: Value,
    title: str,
    help: str,
    *,
    unit: str = "",
    least: float | None = None,
    most: float | None = None,
    most_characters: int | None = None,
) -> Any:
    """Declare a setting in a group; `describe` reads the declaration back."""
    return pydantic.Field(
        default,
        title=title,
        description=help,
        ge=least,
        le=most,
        max_length=most_characters,
        json_schema_extra={"unit": unit},
    )


def describe(name: str, info: FieldInfo, default: Value) -> Field:
    """The description of a declared setting; its kind follows from its type, and each kind of job has its defaults."""
    limits = {type(limit): limit for limit in info.metadata}
    least, most, longest = limits.get(Ge), limits.get(Le), limits.get(MaxLen)
    extra = info.json_schema_extra
    assert isinstance(extra, dict) and info.title and info.description, f"{name} is not declared by `setting`"
    return Field(
        name=name,
        title=info.title,
        help=info.description,
        unit=str(extra["unit"]),
        kind=_kind(info.annotation),
        default=default,
        minimum=least.ge if least else None,
        maximum=most.le if most else longest.max_length if longest else None,
        choices=get_args(info.annotation) if get_origin(info.annotation) is Literal else (),
    )


def _kind(annotation: object) -> ValueKind:
    if get_origin(annotation) is Literal:
        return "choice"
    kinds: dict[object, ValueKind] = {float: "number", int: "whole number", str: "text"}
    return kinds.get(annotation, "file")
