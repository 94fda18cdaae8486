"""What windows a machine can make: engines without a model, and checkpoints whose weights are here."""

from pathlib import Path

import pytest

from pipeline.engines.makable import makable
from tests.tiny_models import tiny_model

pytestmark = pytest.mark.slow


def test_a_checkpoint_counts_once_its_weights_are_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RESHOOT_HOME", str(tmp_path))
    monkeypatch.delenv("RESHOOT_MODELS", raising=False)
    assert makable() == ["restyle", "keyframe"]
    name = tiny_model("vace", tmp_path / "models").name
    assert makable() == ["restyle", "keyframe", name]
