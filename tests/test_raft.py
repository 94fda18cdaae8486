"""Flow by RAFT: loaded as tensors and nothing else, both ways at once, at any size, and recorded in what it found."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from torchvision.models.optical_flow import raft_small

from pipeline.engines.base import EngineError
from pipeline.guide.flows import FLOW, ClipFlow, Range, flow_models
from pipeline.guide.kind import KIND
from pipeline.guide.plan import GuidePlan, Structure
from pipeline.guide.story import make_guide
from pipeline.stage import RunContext
from tests.panned import panned
from utils.errors import ModelError
from utils.flow.raft import Raft
from utils.media.clip import Clip
from utils.media.timebase import Span
from utils.size import Size
from utils.store import Store

pytestmark = pytest.mark.slow

SIZE = Size(138, 90)


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The real network with random weights, in a file as the published one."""
    torch.manual_seed(3)
    path = tmp_path_factory.mktemp("raft") / "raft.pth"
    torch.save(raft_small(weights=None).state_dict(), path)
    return path


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    return panned(tmp_path_factory.mktemp("clip") / "pan.mp4", SIZE, [(2, 1)] * 2)


def test_both_ways_are_those_of_the_network_itself(network: Path, clip: Clip) -> None:
    raft = Raft(network)
    before, after, _ = raft.pictures(clip, Span(0, 3), SIZE)
    forward, backward = raft.pair(before, after, (4, 5))
    assert (forward.source, forward.target, backward.source, backward.target) == (4, 5, 5, 4)
    assert forward.size == backward.size == SIZE
    model = raft_small(weights=None).eval()
    model.load_state_dict(torch.load(network, weights_only=True))
    whole = np.stack([np.pad(each, ((0, 38), (0, 6), (0, 0)), mode="edge") for each in (before, after)])
    pair = torch.from_numpy(whole).permute(0, 3, 1, 2).float() / 127.5 - 1
    with torch.no_grad():
        for flow, (one, other) in ((forward, pair), (backward, pair.flip(0))):
            wanted = model(one[None], other[None])[-1][0].permute(1, 2, 0).numpy()[:90, :138]
            assert np.abs(flow.vectors - wanted).max() < 1e-2 * max(1, np.abs(wanted).max())


def test_what_is_no_network_is_told(tmp_path: Path, clip: Clip) -> None:
    torch.save({"a": torch.zeros(3)}, tmp_path / "other.pth")
    (tmp_path / "text.pth").write_text("nothing")
    for name in ("other.pth", "text.pth", "none.pth"):
        before, after, _ = Raft(tmp_path / name).pictures(clip, Span(0, 3), SIZE)
        with pytest.raises(ModelError, match=f"{name} cannot be loaded as the weights of RAFT"):
            Raft(tmp_path / name).pair(before, after, (0, 1))


def test_missing_weights_are_told_before_anything_is_found_and_never_replaced(
    clip: Clip, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RESHOOT_HOME", str(tmp_path))
    context = RunContext(Store(tmp_path / "cache"), KIND.settings.load("", {"flow.method": "raft"}).flat())
    plan = GuidePlan(SIZE, Fraction(24), 3, (Structure(clip, Span(0, 3), clip.span),))
    with pytest.raises(EngineError, match="The weights raft-large are not here") as caught:
        make_guide(plan, context)
    assert "models fetch raft-large" in caught.value.remedy
    plain = RunContext(context.store, KIND.settings.load("", {}).flat())
    assert flow_models(plain.settings) == {}
    found = ClipFlow(FLOW.result(plain, clip=clip, range=Range(clip.span)))
    assert "DIS medium" in found.forward.header.method
