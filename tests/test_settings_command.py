"""`python -m pipeline settings`: every setting with its value, and what a preset changes."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from pipeline.commands.settings import settings as settings_command
from pipeline.settings import Settings
from utils.errors import SettingsError
from utils.project import PROJECT_ROOT


def run_command(*arguments: str) -> Any:
    app = typer.Typer()
    app.command()(settings_command)
    return CliRunner().invoke(app, list(arguments), env={"COLUMNS": "100"})


def test_the_command_lists_every_setting_and_marks_what_a_preset_changes() -> None:
    shown = run_command("--preset", "fast")
    assert shown.exit_code == 0
    for field in Settings.fields():
        (row,) = [line for line in shown.output.splitlines() if line.startswith(f"{field.name} ")]
        assert ("* " in row) == (field.name in Settings.load("fast").diff())
    assert "0.2 to 10 s" in shown.output


def test_the_command_prints_json() -> None:
    listed = json.loads(run_command("--preset", "quality", "--json").output)["settings"]
    assert {each["name"]: each["value"] for each in listed} == Settings.load("quality").flat()
    assert {each["name"] for each in listed if each["changed"]} == set(Settings.load("quality").diff())


def test_the_command_says_what_a_preset_means_for_engines_with_a_model(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("RESHOOT_HOME", "RESHOOT_MODELS", "HF_HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    told = " ".join(run_command("--preset", "fast").output.split())
    assert "the engine vace takes wan-vace-1.3b, 25 steps, a guidance of 5." in told
    usual = json.loads(run_command("--json").output)["engines"]
    assert usual["vace"] == {"checkpoint": "wan-vace-1.3b", "steps": 50, "guidance": 5.0}
    assert usual["controlnet"]["steps"] == 4 and "restyle" not in usual


def test_the_command_refuses_an_unknown_preset() -> None:
    error = run_command("--preset", "fsat").exception
    assert isinstance(error, SettingsError) and error.remedy == "Did you mean 'fast'?"


def test_the_command_files_load_quickly() -> None:
    """`--help` must not wait for what only a command needs."""
    heavy = "{'pydantic', 'yaml', 'numpy', 'cv2', 'pipeline.settings', 'pipeline.doctor'}"
    code = (
        f"import sys, pipeline.commands.settings, pipeline.commands.doctor; sys.exit(str({heavy} & set(sys.modules)))"
    )
    loaded = subprocess.run([sys.executable, "-c", code], cwd=PROJECT_ROOT, capture_output=True, text=True, check=False)
    assert loaded.stderr.strip() == "set()"
