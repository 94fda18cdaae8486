"""The routes of models: what is listed, and fetching by consent in a process beside the app."""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.hub import Fault, Hub, serving
from tests.studios import App, app
from tests.tiny_model import FIRST, MIB, SHARD_1, tiny_hub

pytestmark = pytest.mark.slow

PATIENCE_S, SLOWLY_S = 120.0, 0.03


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[App, Hub]]:
    folder = tmp_path_factory.mktemp("models")
    with serving(tiny_hub(folder / "home")) as hub:
        env = {"HF_ENDPOINT": hub.url, "HF_HOME": str(folder / "hf"), "HF_TOKEN": "hf_secret"}
        with app(folder / "home", **env) as studio:
            yield studio, hub


@pytest.fixture
def studio(both: tuple[App, Hub]) -> App:
    return both[0]


@pytest.fixture
def hub(both: tuple[App, Hub]) -> Iterator[Hub]:
    yield both[1]
    both[1].faults.clear()
    both[1].requests.clear()


def told(studio: App, name: str = "tiny") -> Any:
    return next(each for each in studio.ask("/studio/models")["models"] if each["name"] == name)


def ended(studio: App) -> Any:
    """The fetch once it is over."""
    end = time.monotonic() + PATIENCE_S
    while (fetching := studio.ask("/studio/models")["fetching"])["state"] == "running":
        assert time.monotonic() < end, fetching
        time.sleep(0.05)
    return fetching


def begin(studio: App) -> None:
    offer = studio.ask("/studio/models/tiny/offer", {})
    studio.ask("/studio/models/tiny/fetch", {"commit": offer["commit"]})


def test_listing_asks_no_network(studio: App, hub: Hub) -> None:
    tiny = told(studio)
    assert (tiny["state"], tiny["licence"], tiny["estimated"]) == ("not here", "Apache-2.0", True)
    refused = {each["name"]: each["reason"] for each in studio.ask("/studio/models")["refused"]}
    assert "commercial use" in refused["lucy-edit"] and not hub.requests


def test_a_model_is_shown_fetched_stopped_resumed_and_removed(studio: App, hub: Hub) -> None:
    offer = studio.ask("/studio/models/tiny/offer", {})
    assert offer["commit"] == FIRST and offer["to_come"] == offer["bytes"] > 17 * MIB
    assert "Apache-2.0, paid work is allowed" in offer["facts"]["licence"]
    assert not hub.downloads(), "what is only shown is not fetched"

    hub.faults[SHARD_1] = Fault(pause_s=SLOWLY_S)
    begin(studio)
    status, said = studio.answer("/studio/models/tiny/fetch", {"commit": FIRST})
    assert status == 409 and b"is being fetched" in said
    assert studio.answer("/studio/models/tiny", method="DELETE")[0] == 409
    studio.until(lambda: studio.ask("/studio/models")["fetching"]["done"] > 2 * MIB, "progress")
    studio.ask("/studio/models/stop", {})
    assert "kept for the next time" in ended(studio)["sentence"] and told(studio)["state"] == "partly here"
    left = studio.ask("/studio/models/tiny/offer", {})
    assert left["to_come"] <= offer["to_come"] - 2 * MIB

    hub.faults[SHARD_1] = Fault()
    begin(studio)
    assert ended(studio)["state"] == "done" and told(studio)["state"] == "here"
    assert hub.starts(SHARD_1)[-1] >= 2 * MIB
    assert studio.ask("/studio/models/tiny", method="DELETE")["freed"] == offer["bytes"]
    assert told(studio)["state"] == "not here"


def test_what_goes_wrong_is_a_sentence(studio: App, hub: Hub) -> None:
    hub.status, hub.error_code = 403, "GatedRepo"
    status, said = studio.answer("/studio/models/tiny/offer", {})
    assert status == 400 and b"Accept its licence" in said and b"hf_secret" not in said
    hub.status, hub.error_code = 200, ""
    hub.faults[SHARD_1] = Fault(content=bytes(len(hub.commits[FIRST][SHARD_1])))
    begin(studio)
    fetching = ended(studio)
    assert fetching["state"] == "failed" and "checksum differs" in fetching["sentence"]


@pytest.mark.parametrize("body", [{}, {"commit": 1}, {"commit": ""}])
def test_nothing_is_fetched_that_was_not_shown(studio: App, hub: Hub, body: dict[str, Any]) -> None:
    status, said = studio.answer("/studio/models/tiny/fetch", body)
    assert status == 400 and json.loads(said)["problem"] == "This fetch was not consented to." and not hub.requests


@pytest.mark.parametrize("name", ["lucy-edit", "nothing"])
def test_what_is_refused_or_unknown_is_not_asked_for(studio: App, hub: Hub, name: str) -> None:
    assert studio.answer(f"/studio/models/{name}/offer", {})[0] == 400 and not hub.requests
    assert studio.answer(f"/studio/models/{name}", method="DELETE")[0] == 400
