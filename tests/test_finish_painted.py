"""Pictures of a film that an engine makes from a frame by a prompt: with a tiny model, and without weights."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.finish.film.files import beside
from pipeline.finish.film.plan import parsed, plan_of
from pipeline.finish.moment import moment
from pipeline.finish.settings import FinishSettings
from pipeline.finish.story import Finished, finish
from pipeline.stage import RunContext
from tests.films import clip
from tests.tiny_models import tiny_model, tiny_settings
from utils.errors import SettingsError
from utils.media.clip import Clip
from utils.store import Store

SETTINGS = FinishSettings().flat() | {"encode.x264_preset": "ultrafast"}
RATE = Fraction(25)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    return clip(tmp_path_factory.mktemp("painted") / "talk.mp4", 60, RATE)


@pytest.fixture
def context(tmp_path: Path) -> RunContext:
    return RunContext(Store(tmp_path / "cache"), SETTINGS)


def made(source: Clip, context: RunContext, *pictures: dict[str, Any]) -> Finished:
    return finish(source, plan_of({"pictures": list(pictures)}), beside(Path()), context)


def told(run: Finished) -> str:
    return " ".join(event.sentence for event in run.events)


@pytest.mark.slow
def test_a_tiny_model_makes_a_picture_once_and_its_prompt_seed_and_moment_count(
    source: Clip, context: RunContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RESHOOT_MODELS", str(tmp_path / "models"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    tiny_model("edit", tmp_path / "models")
    quick = {key.partition(".")[2]: value for key, value in tiny_settings("edit").items()}
    allowed = {key: quick[key] for key in ("model", "steps", "guidance") if key in quick}
    picture = {"prompt": "a red raincoat", "from_s": 1.0, "to_s": 2.0, "width": 1.0, "made_with": allowed}
    plan = plan_of({"pictures": [picture]})
    early = moment(source, plan, beside(Path()), context, 0.6)
    assert "It is made when the film is rendered." in early.events[0] and np.array_equal(early.after, early.before)
    first = made(source, context, picture)
    assert "The picture 'a red raincoat' was made by edit with " in told(first)
    assert "from the clip's frame 25." in told(first)
    assert [done.hit for done in first.done if done.name == "painted picture"] == [False]
    inside, before = (moment(source, plan, beside(Path()), context, at) for at in (0.6, 0.2))
    assert np.abs(inside.after.astype(int) - inside.before).mean() > 5
    assert np.array_equal(before.after, before.before)
    again = made(source, context, picture)
    assert again.encoded == 0 and [done.hit for done in again.done if done.name == "painted picture"] == [True]
    others = ({"prompt": "a blue raincoat"}, {"of_s": 0.0}, {"made_with": allowed | {"seed": 5}})
    assert all(made(source, context, picture | other).encoded == 1 for other in others)


def test_without_weights_an_event_says_what_to_fetch_and_the_film_is_made(
    source: Clip, context: RunContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RESHOOT_MODELS", str(tmp_path / "none"))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hub"))
    run = made(source, context, {"prompt": "a red raincoat", "from_s": 1.0})
    assert len(run.film) == 60 and not run.film.layers
    assert "The picture 'a red raincoat' is left out: " in told(run) and "python -m pipeline models fetch" in told(run)


@pytest.mark.parametrize(
    ("engine", "sentence"),
    [("restyle", "takes no prompt. Choose `edit`"), ("pencil", "There is no engine called 'pencil'")],
)
def test_an_engine_that_makes_no_such_picture_is_told(
    source: Clip, context: RunContext, engine: str, sentence: str
) -> None:
    run = made(source, context, {"prompt": "a hat", "engine": engine})
    assert sentence in told(run) and not run.film.layers


def test_a_picture_is_a_file_or_a_prompt() -> None:
    for picture in ({}, {"file": "logo.png", "prompt": "a hat"}, {"prompt": "  "}):
        with pytest.raises(SettingsError, match="name a file, or give a prompt"):
            plan_of({"pictures": [picture]})
    written = plan_of({"pictures": [{"prompt": "a hat", "made_with": {"seed": 3}}]}).to_yaml()
    assert parsed(written).pictures[0].made_with.set_values == {"seed": 3} and "steps" not in written
