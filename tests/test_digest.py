"""Digests and keys: the same for the same, different for the different, and nothing guessed."""

import enum
import json
import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from blake3 import blake3
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from utils import digest
from utils.digest import canonical_json, digest_bytes, digest_file
from utils.errors import StoreError, UnkeyableValue
from utils.key import Key

PATIENTLY = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
NUMBERS = st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
SETTINGS = st.dictionaries(st.text(), VALUES, max_size=5)


def same(one: Any, other: Any) -> bool:
    """Equal in value and in kind: 1, 1.0 and True are three values, and so are 0.0 and -0.0."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[name], other[name]) for name in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, float):
        return one == other and math.copysign(1, one) == math.copysign(1, other)
    return bool(one == other)


@PATIENTLY
@given(SETTINGS, SETTINGS)
def test_two_different_settings_never_share_a_key(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert (Key("camera", 1, one) == Key("camera", 1, other)) == same(one, other)


@PATIENTLY
@given(SETTINGS, st.text(), VALUES, VALUES)
def test_one_changed_setting_is_another_key(others: dict[str, Any], name: str, one: Any, other: Any) -> None:
    keys = [Key("camera", 1, others | {name: value}).digest for value in (one, other)]
    assert (keys[0] == keys[1]) == same(one, other)


@PATIENTLY
@given(VALUES)
def test_the_text_is_exact(value: Any) -> None:
    assert same(json.loads(canonical_json(value)), value)


@PATIENTLY
@given(SETTINGS)
def test_the_order_of_names_does_not_matter(names: dict[str, Any]) -> None:
    assert canonical_json(dict(reversed(names.items()))) == canonical_json(names)


def test_every_part_of_a_key_counts() -> None:
    keys = [
        Key("camera", 1),
        Key("camera", 2),
        Key("pose", 1),
        Key("camera", 1, {"a": 1}),
        Key("camera", 1, {"a": True}),
        Key("camera", 1, {"a": 1.0}),
        Key("camera", 1, {"a": "1"}),
        Key("camera", 1, {"a": [1]}),
        Key("camera", 1, {"a": None}),
        Key("camera", 1, {"b": 1}),
        Key("camera", 1, inputs={"clip": "a" * 64}),
        Key("camera", 1, inputs={"clip": "b" * 64}),
        Key("camera", 1, inputs={"mask": "a" * 64}),
        Key("camera", 1, tools={"opencv": "4.11.0"}),
        Key("camera", 1, tools={"opencv": "4.12.0"}),
    ]
    assert len({key.digest for key in keys}) == len(set(keys)) == len(keys)


def test_a_key_never_changes() -> None:
    """Not between releases, not after its settings were changed by whoever gave them."""
    weights = [1.0, 2.0]
    key = Key("camera", 3, {"weights": weights}, {"clip": "a" * 64}, {"opencv": "4.11.0"})
    before = key.digest
    weights.append(3.0)
    key.settings["weights"].append(4.0)
    assert key.document()["settings"] == {"weights": [1.0, 2.0]}
    assert key.digest == before == "fac326610e8e6111749ac2c3ca9e93a062d5da4aa877442836a97eeef33c4363"


class Colour(enum.StrEnum):
    RED = "red"


class Level(enum.IntEnum):
    ONE = 1


@dataclass(frozen=True)
class Point:
    x: int


CYCLE: list[Any] = []
CYCLE.append(CYCLE)


@pytest.mark.parametrize(
    "value",
    [
        math.nan,
        math.inf,
        -math.inf,
        {1, 2},
        frozenset(),
        b"bytes",
        bytearray(b"x"),
        Path("clip.mp4"),
        object(),
        Point(1),
        Colour.RED,
        Level.ONE,
        1j,
        2**64,
        -(2**63) - 1,
        range(3),
        np.float64(0.5),
        np.float32(0.5),
        np.int64(1),
        np.arange(3),
        CYCLE,
        lambda: 1,
        {1: "number"},
        {None: "nothing"},
        {("a",): "tuple"},
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_has_no_exact_form_is_refused_and_its_place_named(value: object) -> None:
    with pytest.raises(UnkeyableValue, match=r"value\.curves\[1\]\.points"):
        canonical_json({"curves": [0, {"points": value}]})
    with pytest.raises(UnkeyableValue):
        Key("camera", 1, {"curves": value})


def test_a_tuple_is_the_list_that_it_is_written_as() -> None:
    assert canonical_json({"a": (1, (2,))}) == canonical_json({"a": [1, [2]]})


@pytest.mark.parametrize(
    "parts",
    [
        {"stage": ""},
        {"stage": None},
        {"version": 1.0},
        {"version": True},
        {"version": "1"},
        {"inputs": {"clip": "/tmp/clip.mp4"}},
        {"inputs": {"clip": "A" * 64}},
        {"inputs": {"clip": "a" * 63}},
        {"inputs": {"clip": "a" * 64 + "\n"}},
        {"inputs": {"clip": None}},
        {"tools": {"opencv": 4.11}},
        {"tools": {"opencv": ""}},
        {"settings": {1: 2}},
    ],
    ids=str,
)
def test_a_key_of_wrong_parts_is_refused(parts: dict[str, Any]) -> None:
    with pytest.raises(UnkeyableValue):
        Key(**{"stage": "camera", "version": 1, **parts})


@pytest.mark.parametrize("size", [0, 1, 1000, digest.CHUNK_BYTES, digest.CHUNK_BYTES + 1, 3 * digest.CHUNK_BYTES - 1])
def test_the_digest_of_a_file_is_that_of_its_bytes(tmp_path: Path, size: int) -> None:
    data = os.urandom(size)
    (tmp_path / "file").write_bytes(data)
    assert digest_file(tmp_path / "file") == digest_bytes(data) == blake3(data).hexdigest()


def rest(path: Path) -> None:
    """As if the file had lain for a day; its change time is real, so the memory needs its own patience set aside."""
    os.utime(path, (path.stat().st_atime, path.stat().st_mtime - 86_400))


def test_a_rested_file_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digest, "SETTLED_NS", -1)
    path = tmp_path / "file"
    path.write_bytes(b"one")
    first = digest_file(path)
    with path.open("rb") as file:
        assert digest._memo[digest._stamp(file.fileno())] == first
    path.rename(tmp_path / "elsewhere")
    assert digest_file(tmp_path / "elsewhere") == first
    rest(tmp_path / "elsewhere")
    (tmp_path / "elsewhere").write_bytes(b"two")
    rest(tmp_path / "elsewhere")
    assert digest_file(tmp_path / "elsewhere") == digest_bytes(b"two")


def test_a_file_that_was_just_written_is_not_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its next change may fall into the same tick of the clock, and then nothing but its bytes would tell."""
    monkeypatch.setattr(digest, "SETTLED_NS", 10**15)
    path = tmp_path / "file"
    path.write_bytes(b"one")
    digest_file(path)
    with path.open("rb") as file:
        assert digest._stamp(file.fileno()) not in digest._memo


def test_the_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digest, "_memo", {})
    monkeypatch.setattr(digest, "MEMO_FILES", 3)
    for number in range(10):
        digest._remember((1, number, 0, 0, 0), "x")
    assert [stamp[1] for stamp in digest._memo] == [7, 8, 9]


@pytest.mark.parametrize("kind", ["folder", "pipe", "device"])
def test_only_plain_files_have_digests(tmp_path: Path, kind: str) -> None:
    path = {"folder": tmp_path, "pipe": tmp_path / "pipe", "device": Path("/dev/zero")}[kind]
    if kind == "pipe":
        os.mkfifo(path)
    with pytest.raises(StoreError, match="not a plain file"):
        digest_file(path)


def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "growing"
    path.write_bytes(bytes(1000))

    class Meddler:
        """A hasher during whose work another program appends to the file."""

        def __init__(self) -> None:
            self.real = blake3()
            self.hexdigest = self.real.hexdigest

        def update(self, data: bytes) -> None:
            self.real.update(data)
            if path.stat().st_size == 1000:
                with path.open("ab") as file:
                    file.write(b"more")

    monkeypatch.setattr(digest, "blake3", Meddler)
    with pytest.raises(StoreError, match="changed while it was read"):
        digest_file(path)
    assert digest_file(path) == blake3(bytes(1000) + b"more").hexdigest()
