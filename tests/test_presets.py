"""The presets that come with the program."""

import re

import pytest
import yaml

from pipeline.settings import Settings, presets
from utils.errors import SettingsError
from utils.project import PROJECT_ROOT

FOLDER = PROJECT_ROOT / "presets"


def test_every_file_is_a_preset_that_loads() -> None:
    assert set(presets()) == {path.stem for path in FOLDER.iterdir()}
    for name in presets():
        Settings.load(name)


def test_balanced_is_the_defaults() -> None:
    assert Settings.load() == Settings.load("balanced") == Settings()


@pytest.mark.parametrize("name", presets())
def test_a_preset_holds_only_what_differs_from_the_defaults(name: str) -> None:
    groups = yaml.safe_load((FOLDER / f"{name}.yaml").read_text()) or {}
    written = {f"{group}.{key}": value for group, values in groups.items() for key, value in values.items()}
    assert written == Settings.load(name).diff()


@pytest.mark.parametrize("name", presets())
def test_a_preset_gives_its_reasons(name: str) -> None:
    lines = (FOLDER / f"{name}.yaml").read_text().splitlines()
    assert presets()[name] == lines[0].removeprefix("# ") and lines[0].endswith(".")
    assert all("# " in line for line in lines if re.match(r"\s+\w+:", line))


def test_fast_is_cheaper_and_quality_dearer() -> None:
    fast, balanced, quality = (Settings.load(name) for name in ("fast", "balanced", "quality"))
    assert fast.encode.crf > balanced.encode.crf > quality.encode.crf
    assert fast.analysis.pose_every > balanced.analysis.pose_every == quality.analysis.pose_every == 1
    assert fast.segments.overlap_frames < balanced.segments.overlap_frames < quality.segments.overlap_frames


@pytest.mark.parametrize(
    ("name", "remedy"),
    [("Quality", "'quality'"), ("balance", "'balanced'"), ("../presets/fast", "fast"), ("", "fast, balanced, quality")],
)
def test_an_unknown_preset_is_never_a_path(name: str, remedy: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.load(name)
    assert "no preset" in caught.value.problem and remedy in caught.value.remedy
