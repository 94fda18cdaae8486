"""The command line of the cache, as its users type it."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from pipeline.commands.cache import app, size_bytes
from tests.store_child import key, write
from utils.errors import ReshootError, StoreError
from utils.project import PROJECT_ROOT
from utils.store import Figures, Store
from utils.store.usage_stats import UsageStats


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A cache of three entries in a home, of which the first was read again last."""
    store = Store(tmp_path / "cache")
    for number in (0, 1, 2, 0):
        store.get_or_make(key(number), lambda into: write(into, number)).close()  # noqa: B023
    return store


def run(tmp_path: Path, *arguments: str, said: str = "", code: int = 0) -> str:
    result = CliRunner().invoke(app, [*arguments, "--home", str(tmp_path)], input=said, terminal_width=200)
    assert result.exit_code == code, result.output
    return result.output if arguments[-1] != "--json" else result.stdout


def run_json(tmp_path: Path, *arguments: str, code: int = 0) -> Any:
    return json.loads(run(tmp_path, *arguments, "--json", code=code))


def harm(store: Store, number: int) -> None:
    blob = store.folder / "entries" / key(number).digest / "part 1"
    blob.chmod(0o644)
    blob.write_bytes(b"wrong")


def test_stats(tmp_path: Path, store: Store) -> None:
    store.pin(key(1).digest)
    said = run(tmp_path, "stats")
    assert "counted" in said and "25%" in said and "of 50.0 GB" in said and "1 entry pinned." in said
    found = run_json(tmp_path, "stats")
    assert found["entries"] == 3 and found["pinned"] == 1 and found["bytes"] == store.stats().bytes
    figures = found["stages"]["counted"]["figures"]
    assert (figures["hits"], figures["misses"]) == (1, 3)
    assert found["classes"]["conditional"]["figures"] == figures
    assert found["stages"]["counted"]["lasting"] == "conditional"


def test_stats_add_up_the_classes_of_results(tmp_path: Path, store: Store) -> None:
    took = Figures(hits=2, misses=1, computed_s=4.0, spared_s=8.0, read_s=0.5, read_bytes=3_000_000)
    UsageStats(store.folder).add("sound", took)
    rows = [line.split() for line in run(tmp_path, "stats").splitlines()]
    (permanent,) = (row for row in rows if row[:1] == ["permanent"])
    assert permanent[-9:] == ["0", "bytes", "2", "4.00", "s", "8.00", "s", "3.0", "MB"]
    assert [row[0] for row in rows if row and row[0] in ("conditional", "dynamic")] == ["conditional", "dynamic"]


def test_stats_tell_what_came_from_the_shared_cache(tmp_path: Path, store: Store) -> None:
    assert "Shared with other homes" not in run(tmp_path, "stats")
    took = Figures(shared_hits=2, shared_spared_s=90.0, fetched_s=1.5, fetched_bytes=30_000_000, offered=1)
    UsageStats(store.folder).add("counted", took)
    said = run(tmp_path, "stats")
    (row,) = (line.split() for line in said.partition("Shared with other homes")[2].splitlines() if "counted" in line)
    assert row[1:] == ["2", "30.0", "MB", "90.00", "s", "1.50", "s", "1", "0", "bytes"]
    assert "Taking results from there saved 88.5 s." in said and "50%" in said, "three of six were found"


def test_pruning_here_and_there_are_told_apart(tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RESHOOT_SHARED", raising=False)
    for arguments in (["--shared", "--to", "1GB"], ["--older", "3"], ["--limit", "1GB"], ["--shared"]):
        result = CliRunner().invoke(app, ["prune", *arguments, "--home", str(tmp_path)])
        assert isinstance(result.exception, ReshootError)
    assert len(store.entries()) == 3


def test_list(tmp_path: Path, store: Store) -> None:
    lines = [line for line in run(tmp_path, "list").splitlines() if "counted" in line]
    assert [line.split()[0] for line in lines] == [key(number).digest[:12] for number in (0, 2, 1)]
    found = run_json(tmp_path, "list")
    assert [entry["key"] for entry in found] == [key(number).digest for number in (0, 2, 1)]
    assert {entry["lasting"] for entry in found} == {"conditional"}
    assert found[0]["made_of"]["settings"] == {"number": 0} and len(found[0]["blobs"]) == 3


@pytest.mark.parametrize(
    ("seconds", "age"),
    [(-99, "just now"), (59, "just now"), (60, "1 minute ago"), (7201, "2 hours ago"), (10**6, "11 days")],
)
def test_ages(tmp_path: Path, store: Store, seconds: int, age: str) -> None:
    for number in range(3):
        os.utime(store.folder / "entries" / key(number).digest, (time.time() - seconds,) * 2)
    assert run(tmp_path, "list").count(age) == 3


def test_list_shows_what_it_cannot_read(tmp_path: Path, store: Store) -> None:
    (store.folder / "entries" / key(1).digest / "manifest.json").unlink()
    assert "unreadable" in run(tmp_path, "list")
    assert [entry["stage"] for entry in run_json(tmp_path, "list")].count("unreadable") == 1


def test_no_cache_is_said_and_none_is_made(tmp_path: Path) -> None:
    """A slip in --home must neither pass for an empty cache nor leave folders behind."""
    for command in ("stats", "list", "verify", "prune", "clear"):
        result = CliRunner().invoke(app, [command, "--home", str(tmp_path / "slip")])
        assert isinstance(result.exception, StoreError) and "There is no cache" in str(result.exception)
    assert list(tmp_path.iterdir()) == []


def test_an_empty_cache(tmp_path: Path) -> None:
    Store(tmp_path / "cache")
    for command in ("stats", "list"):
        assert "The cache is empty." in run(tmp_path, command)
    assert run_json(tmp_path, "list") == []
    assert "0 entries checked, all sound." in run(tmp_path, "verify")


def test_verify(tmp_path: Path, store: Store) -> None:
    assert "3 entries checked, all sound." in run(tmp_path, "verify")
    harm(store, 1)
    said = run(tmp_path, "verify", code=1)
    assert key(1).digest[:12] in said and "has 5 bytes instead of 2000" in said
    assert "1 entry in quarantine" in run(tmp_path, "stats")
    assert run_json(tmp_path, "verify") == {"checked": 2, "damaged": []}
    harm(store, 2)
    assert run_json(tmp_path, "verify", code=1)["damaged"][0]["digest"] == key(2).digest


def test_prune(tmp_path: Path, store: Store) -> None:
    assert "Removed 0 entries" in run(tmp_path, "prune")
    assert "Removed 1 entry" in run(tmp_path, "prune", "--to", "16KB")
    assert [entry["key"] for entry in run_json(tmp_path, "list")] == [key(0).digest, key(2).digest]
    store.pin(key(0).digest)
    assert run_json(tmp_path, "prune", "--to", "0")["removed"] == [key(2).digest]
    assert "stay: they are in use or pinned" in run(tmp_path, "prune", "--to", "0")


def test_clear_asks(tmp_path: Path, store: Store) -> None:
    assert "Remove all 3 entries" in run(tmp_path, "clear", said="n\n", code=1)
    run(tmp_path, "clear", code=1)
    assert store.stats().entries == 3
    assert "Removed 3 entries" in run(tmp_path, "clear", said="y\n")
    assert store.stats().entries == 0


def test_clear_unasked(tmp_path: Path, store: Store) -> None:
    store.pin(key(1).digest)
    assert len(run_json(tmp_path, "clear", "--yes")["removed"]) == 2
    assert len(run_json(tmp_path, "clear", "--yes", "--pinned")["removed"]) == 1


@pytest.mark.parametrize(
    ("text", "size"),
    [("5GB", 5 * 10**9), ("1.5 GiB", 3 << 29), ("300M", 3 * 10**8), ("12", 12), ("1kb", 1000), ("2 TiB", 2 << 40)],
)
def test_sizes(text: str, size: int) -> None:
    assert size_bytes(text) == size


@pytest.mark.parametrize("text", ["", "GB", "-1GB", "5XB", "1iB", "nan", "1e9", "5 GB 3"])
def test_what_is_no_size(tmp_path: Path, text: str) -> None:
    assert "is not a size" in " ".join(run(tmp_path, "prune", f"--to={text}", code=2).split())


def test_the_command_loads_nothing_heavy() -> None:
    code = "import sys, pipeline.commands.cache; print(*({'numpy', 'blake3', 'utils.store', 'cv2'} & set(sys.modules)))"
    said = subprocess.run([sys.executable, "-c", code], cwd=PROJECT_ROOT, capture_output=True, text=True, check=True)
    assert said.stdout.strip() == ""
