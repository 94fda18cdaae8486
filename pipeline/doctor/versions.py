"""Reads requirements files and compares versions, with the standard library alone.

The doctor must run where packages are broken.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Requirement:
    """One line of a requirements file: 'av>=18,<19' is named av and wants >=18 and <19."""

    name: str
    clauses: tuple[tuple[str, str], ...]
    is_conditional: bool

    def allows(self, version: str) -> bool:
        """Whether an installed version lies in the range; only its numbers count (2.15.0+cu130 is 2.15.0)."""
        return all(_compare(_release(version), sign, limit) for sign, limit in self.clauses)

    def __str__(self) -> str:
        return self.name + ",".join(sign + limit for sign, limit in self.clauses)


def read_requirements(text: str) -> Iterator[Requirement]:
    """The packages of a requirements file; options such as -r and -c are skipped."""
    for line in text.splitlines():
        requirement, _, condition = line.partition("#")[0].partition(";")
        match = re.match(r"\s*([A-Za-z0-9][\w.-]*)\s*(?:\[[^]]*\])?\s*(.*)", requirement)
        if match:
            clauses = re.findall(r"(===?|~=|!=|>=|<=|>|<)\s*([\w.*+!-]+)", match[2])
            yield Requirement(plain_name(match[1]), tuple(clauses), bool(condition.strip()))


def plain_name(name: str) -> str:
    """A package's name as pip compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _numbers(version: str) -> tuple[int, ...]:
    """The numbers that a version begins with."""
    match = re.match(r"\d+(\.\d+)*", version)
    return tuple(int(part) for part in match[0].split(".")) if match else ()


def _release(version: str) -> tuple[int, ...]:
    """The numbers of a version without trailing zeros, so that 1.0 equals 1."""
    numbers = _numbers(version)
    while numbers and numbers[-1] == 0:
        numbers = numbers[:-1]
    return numbers


def _compare(version: tuple[int, ...], sign: str, limit: str) -> bool:
    """Whether a version meets one clause of a requirement."""
    bound = _release(limit)
    if sign == "~=":
        return version >= bound and _begins(version, _numbers(limit)[:-1])
    if limit.endswith(".*"):
        return _begins(version, _numbers(limit)) == (sign == "==")
    return {
        "==": version == bound,
        "===": version == bound,
        "!=": version != bound,
        ">=": version >= bound,
        "<=": version <= bound,
        ">": version > bound,
        "<": version < bound,
    }[sign]


def _begins(version: tuple[int, ...], family: tuple[int, ...]) -> bool:
    return (version + (0,) * len(family))[: len(family)] == family
