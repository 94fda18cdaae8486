"""JSON that somebody else wrote: how large and how deep it is gets checked before anything is built from it.

    read_json(body)       -> the value, or UntrustedJson, whose text says what is wrong with it
    read_object(body)     -> the same for an object

Deep nesting is refused because whatever later walks through the value (a copy, a second parse, an answer to a browser)
would run out of stack, at a depth that differs from one place to the next.
"""

import json
import math
import re
from typing import Any, NoReturn

MOST_BYTES = 1 << 20
MOST_DEPTH = 32
"""Of lists and objects in each other; what the app itself writes has three levels."""
_TOKEN = re.compile(r'"[^"\\]*+(?:\\.?[^"\\]*+)*+"?|[\[\]{}]', re.DOTALL)
"""A text, also one that never ends, or a bracket outside of texts. It matches at every quote, so that it is linear."""


class UntrustedJson(ValueError):
    """Text that is not JSON, or is larger or deeper than is read."""


def read_json(text: str | bytes, most_bytes: int = MOST_BYTES) -> Any:
    """The value of a JSON text within the limits; names that come twice and numbers beyond all bounds are refused."""
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
    """The same, where only an object will do."""
    value = read_json(text, most_bytes)
    if not isinstance(value, dict):
        raise UntrustedJson("it is not an object")
    return value


def _refuse_depth(text: str) -> None:
    """Count brackets; a text with few of them needs no closer look."""
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
