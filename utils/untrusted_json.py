"""Parses untrusted JSON: size and nesting depth are checked before anything is built from it.

    read_json(body)       -> the value; raises UntrustedJson, whose text says what is wrong
    read_object(body)     -> an object; raises UntrustedJson for any other value

Deep nesting is refused because recursive code that later handles the value (a copy, another parser, a response to a
browser) would overflow its stack, each at a different depth.
"""

import json
import math
import re
from typing import Any, NoReturn

MOST_BYTES = 1 << 20
MOST_DEPTH = 32
"""Most levels of nested lists and objects; what the app itself writes has three."""
_TOKEN = re.compile(r'"[^"\\]*+(?:\\.?[^"\\]*+)*+"?|[\[\]{}]', re.DOTALL)
"""A string, terminated or not, or a bracket outside of strings. Every quote starts a match, so scanning is linear."""


class UntrustedJson(ValueError):
    """The text is not valid JSON, or exceeds the limits on size or depth."""


def read_json(text: str | bytes, most_bytes: int = MOST_BYTES) -> Any:
    """Parse a JSON text within the limits; duplicate names, NaN and infinite numbers are refused."""
    if len(text) > most_bytes:
        raise UntrustedJson(f"it has more than {most_bytes} bytes")
    try:
        decoded = text if isinstance(text, str) else text.decode()
        _refuse_depth(decoded)
        return json.loads(decoded, object_pairs_hook=_unique, parse_float=_finite, parse_constant=_no_number)
    except UntrustedJson:
        raise
    except ValueError as error:
        raise UntrustedJson(str(error)) from error


def read_object(text: str | bytes, most_bytes: int = MOST_BYTES) -> dict[str, Any]:
    """Parse a JSON text that must be an object."""
    value = read_json(text, most_bytes)
    if not isinstance(value, dict):
        raise UntrustedJson("it is not an object")
    return value


def _refuse_depth(text: str) -> None:
    """Raise UntrustedJson if brackets nest too deeply; a text with few brackets in all needs no scan."""
    if text.count("[") + text.count("{") <= MOST_DEPTH:
        return
    depth = 0
    for token in _TOKEN.finditer(text):
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(token[0], 0)
        if depth > MOST_DEPTH:
            raise UntrustedJson(f"it is nested deeper than {MOST_DEPTH} levels")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        raise UntrustedJson("a name is there twice")
    return values


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise UntrustedJson("a number in it is too large")
    return number


def _no_number(constant: str) -> NoReturn:
    raise UntrustedJson(f"{constant} is no number")
