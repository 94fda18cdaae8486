"""The command that previews a frame, with engines that have a model: tiny ones, from several seeds."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import typer

from pipeline.commands.preview import preview
from pipeline.engines import engine as find_engine
from pipeline.engines.base import Session, Tell
from pipeline.engines.device import Device
from tests.journeys import written
from tests.tiny_models import TINY, engine_of, tiny_model, tiny_settings
from utils.walker import Shot, walk

pytestmark = pytest.mark.slow

app = typer.Typer()
app.command()(preview)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a clip."""
    folder = tmp_path_factory.mktemp("home")
    written(folder / "walk.mp4", [rgb for rgb, _ in walk(Shot(size=(160, 96), frames=18))])
    return folder


@pytest.mark.parametrize("name", [kind for kind in TINY if engine_of(kind).name == kind])
def test_several_seeds_of_a_model_that_is_opened_once(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    monkeypatch.setenv("RESHOOT_MODELS", str(home / "models"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    tiny_model(name, home / "models")
    kind, opened = type(find_engine(name)), list[str]()
    really = kind.open

    def counted(self: Any, settings: Mapping[str, Any], device: Device, tell: Tell) -> Session:
        opened.append(name)
        return really(self, settings, device, tell)

    monkeypatch.setattr(kind, "open", counted)
    quick = tiny_settings(name)
    short = ["--engine", quick.pop("generate.engine"), "--prompt", quick.pop("generate.prompt"), "--seeds", "3"]
    more = [word for setting, value in quick.items() for word in ("--set", f"{setting}={value}")]
    places = ["-o", str(tmp_path / "seeds.png"), "--each", str(tmp_path / "each")]
    app([str(home / "walk.mp4"), *places, *short, *more, "--json", "--home", str(home)], standalone_mode=False)
    told = json.loads(capsys.readouterr().out)
    assert opened == [name] and told["seeds"] == [0, 1, 2]
    made = [cv2.imread(str(tmp_path / "each" / f"seed-{seed}.png")) for seed in told["seeds"]]
    assert all(one.shape == (96, 160, 3) for one in made)
    assert len({one.tobytes() for one in made}) == 3
    filmed, *cells = np.split(cv2.imread(str(tmp_path / "seeds.png"))[:360].astype(float), 4, axis=1)
    assert all(abs(filmed - cell).mean() > 5 for cell in cells)
