"""JSON from outside: what is within the limits is read, everything else is refused before anything is built from it."""

import json
import time
from typing import Any

import pytest

from utils.untrusted_json import MOST_DEPTH, UntrustedJson, read_json, read_object


@pytest.mark.parametrize(
    "value",
    [{}, [], 3, "a", None, {"a": [1, 2.5, {"b": "[[[["}]}, {"\u00fc": '"\\'}, ["[" * 1000, '\\"{' * 1000]],
)
def test_what_others_write_is_read(value: Any) -> None:
    assert read_json(json.dumps(value)) == value
    assert read_json(json.dumps(value, ensure_ascii=False).encode()) == value


@pytest.mark.parametrize(("opens", "closes"), [("[", "]"), ('{"a":', "}")])
def test_depth_is_limited_to_the_level(opens: str, closes: str) -> None:
    deepest = opens * MOST_DEPTH + "1" + closes * MOST_DEPTH
    assert json.loads(deepest) == read_json(deepest)
    with pytest.raises(UntrustedJson, match=f"deeper than {MOST_DEPTH}"):
        read_json(opens + deepest + closes)


def test_brackets_side_by_side_and_in_texts_do_not_count() -> None:
    assert len(read_json("[" + "[[]]," * 1000 + '"]]]][[[["]')) == 1001


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "Expecting value"),
        ("{'a': 1}", "Expecting property name"),
        ("[1] 2", "Extra data"),
        (b"\xff\xfe", "decode"),
        ("NaN", "no number"),
        ('{"a": -Infinity}', "no number"),
        ('{"a": 1e999}', "too large"),
        ("9" * 5000, "digits"),
        ('{"a": 1, "a": 2}', "twice"),
        ("[" * 200_000, "deeper"),
        ('"' + "x" * (1 << 20), "more than"),
    ],
)
def test_everything_else_is_refused_with_a_reason(text: str | bytes, says: str) -> None:
    with pytest.raises(UntrustedJson, match=says):
        read_json(text)


@pytest.mark.parametrize("text", ["[1]", "3", "null", '"a"'])
def test_an_object_may_be_asked_for(text: str) -> None:
    with pytest.raises(UntrustedJson, match="not an object"):
        read_object(text)


@pytest.mark.parametrize("unit", ['"', '\\"', "\\", '"[', "[]", '["a\\"'])
def test_no_text_takes_long(unit: str) -> None:
    """Reading is linear: twice as much text does not take four times as long."""
    took = []
    for length in (1 << 17, 1 << 20):
        start = time.perf_counter()
        with pytest.raises(UntrustedJson):
            read_json("[" * (MOST_DEPTH - 1) + unit * (length // len(unit) - MOST_DEPTH))
        took.append(time.perf_counter() - start)
    assert took[1] < 40 * took[0] + 0.5, took
