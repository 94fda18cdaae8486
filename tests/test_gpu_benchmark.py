"""The benchmark of graphics cards, with tiny models on a processor, in a Python that has nothing but what it needs."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from utils.project import PROJECT_ROOT

pytestmark = pytest.mark.slow

HIDDEN = """
import sys
from importlib.machinery import PathFinder

HIDDEN = {"mediapipe", "gradio", "av", "numba", "scipy", "blake3", "pydantic", "dbos", "sqlalchemy", "typer", "fastapi",
          "accelerate", "peft", "controlnet_aux", "sentencepiece", "pynvml", "torchvision"}

class Found(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return None if name.partition(".")[0] in HIDDEN else PathFinder.find_spec(name, path, target)

sys.meta_path[sys.meta_path.index(PathFinder)] = Found
from benchmarks.gpu import main

main(sys.argv[1:])
"""
"""The benchmark where none of these packages can be found."""


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, list[dict[str, Any]], list[dict[str, Any]]]:
    """What it printed, its rows, and what estimates would learn from it."""
    folder = tmp_path_factory.mktemp("gpu")
    out, costs = folder / "gpu.jsonl", folder / "costs.jsonl"
    command = [sys.executable, "-c", HIDDEN, "--small", "--out", str(out), "--costs", str(costs)]
    child = subprocess.run(command, cwd=PROJECT_ROOT, capture_output=True, text=True)
    assert child.returncode == 0, child.stderr
    return child.stdout, lines(out), lines(costs)


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


Ran = tuple[str, list[dict[str, Any]], list[dict[str, Any]]]


def test_every_part_of_a_call_is_timed(ran: Ran) -> None:
    _, (row, *_), _ = ran
    parts = [row[f"{name}_s"] for name in ("prompt", "open", "encode", "step", "decode", "call")]
    assert all(seconds > 0 for seconds in parts)
    assert row["encode_s"] + row["step_s"] + row["decode_s"] < row["call_s"]
    assert row["finite"] and row["card"] == "processor" and row["peak_card_mb"] is None


def test_whole_calls_are_extrapolated_and_say_so(ran: Ran) -> None:
    text, (row, *_), _ = ran
    whole = row["extrapolated_s"]
    assert whole["4 steps"] == pytest.approx(row["encode_s"] + 4 * row["step_s"] + row["decode_s"], abs=0.06)
    assert "4 steps (extrapolated)" in text


def test_five_jobs_hold_no_more_than_one(ran: Ran) -> None:
    _, (row, *_), _ = ran
    assert len(row["held_mb"]) == 5 and set(row["held_mb"]) == {row["held_mb"][0]} and row["held_mb"][0] > 0


def test_what_was_measured_serves_estimates(ran: Ran) -> None:
    _, rows, costs = ran
    assert len(costs) == len(rows)
    for cost, row in zip(costs, rows, strict=True):
        assert (cost["model"], cost["frames"], cost["steps"], cost["passes"]) == (row["model"], row["frames"], 2, 2)
        assert cost["seconds"] == row["call_s"]
