"""A guide in a home that shares a cache: its preview reads the slices of flow that it needs, and finds none itself."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.guide.kind import KIND
from pipeline.guide.plan import GuidePlan, Structure
from pipeline.guide.preview import preview_guide
from pipeline.guide.story import make_guide
from pipeline.stage import RunContext
from tests.buckets import Homes, arrived
from tests.panned import panned
from utils.flow.flow_file import HEAD_BYTES
from utils.media.timebase import Span
from utils.size import Size

pytestmark = pytest.mark.slow
SIZE = Size(128, 96)


@pytest.fixture
def homes(tmp_path: Path) -> Iterator[Homes]:
    (tmp_path / "shared").mkdir()
    homes = Homes(tmp_path, str(tmp_path / "shared"))
    yield homes
    homes.close()


def context(homes: Homes, name: str) -> RunContext:
    return RunContext(homes.open(name), KIND.settings.load("", {}).flat())


def test_a_preview_reads_only_its_slices_of_flow_that_another_home_found(
    homes: Homes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip = panned(tmp_path / "pan.mp4", SIZE, [(2 + number % 3, 0) for number in range(150)])
    plan = GuidePlan(SIZE, Fraction(24), 151, (Structure(clip, Span(0, 151), clip.span),))
    first, second, third = (context(homes, name) for name in ("first", "second", "third"))
    made = make_guide(plan, first)
    picture = next(made.guide.pictures(Span(60, 61)))
    flow_bytes = made.done[0].bytes
    arrived(first.store)

    sharing, read = second.store.sharing, list[int]()
    assert sharing
    whole = type(sharing.tier.objects).read

    def counted(self: Any, *args: Any, **options: Any) -> bytes:
        content = whole(self, *args, **options)
        read.append(len(content))
        return content

    monkeypatch.setattr(type(sharing.tier.objects), "read", counted)
    preview = preview_guide(plan, second, 60 / 150)
    assert not preview.events and not second.store.stats().stages, "nothing was computed here, and nothing fetched"
    assert sum(read) < flow_bytes / 3 + 2 * HEAD_BYTES
    assert np.abs(preview.after.astype(int) - picture.astype(int)).max() <= 12, "the scale of twelve frames, not of all"

    for blob in (tmp_path / "shared" / "blobs").iterdir():
        content = bytearray(blob.read_bytes())
        content[len(content) // 3 :] = bytes(len(content) - len(content) // 3)
        blob.write_bytes(content)
    again = preview_guide(plan, third, 60 / 150)
    assert third.store.sharing and "is damaged" in third.store.sharing.troubles()[0]
    assert third.store.stats().stages["flow"].figures.misses == 1 and again.events, "found here, in its own scale"
