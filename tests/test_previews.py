"""Finished windows can be watched while the rest is made; what goes wrong with that is never the job's problem."""

import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.jobs.job import State
from pipeline.jobs.workers.previews import Previewer, Previews
from pipeline.processor import OnWindow, restyle
from pipeline.restyle.parts import WindowParts
from pipeline.see.open_clip import open_clip
from pipeline.stage import RunContext
from tests.journeys import bench, filmed, pictures
from tests.workers import House, house
from utils.errors import Cancelled
from utils.media.probe import Limits, scan
from utils.progress import Cancel
from utils.walker import Shot

pytestmark = pytest.mark.slow

FRAMES, JOB = 60, "0123456789abcdef01234567"
MANY: dict[str, Any] = {"segments__count": 5, "segments__least_s": 0.1}


def watched(previews: Previews, cancel: Cancel | None = None) -> OnWindow:
    """A callback for `restyle` that writes previews, as a job does."""
    return WindowParts(Previewer(previews, cancel or Cancel()).show).on_window


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return filmed(tmp_path_factory.mktemp("film"), Shot(size=(320, 180), frames=FRAMES))


@pytest.fixture(scope="module")
def seen(clip: Path, tmp_path_factory: pytest.TempPathFactory) -> RunContext:
    """A cache in which everything but the generated windows of other looks is."""
    at = bench(tmp_path_factory.mktemp("cache"), **MANY)
    restyle(open_clip(clip, at), at)
    return at


def looking(at: RunContext, look: str) -> RunContext:
    return replace(at, settings={**at.settings, "generate.look": look})


def test_each_window_can_be_watched_as_soon_as_it_is_there(clip: Path, seen: RunContext, tmp_path: Path) -> None:
    previews, at = Previews.of(tmp_path, JOB), looking(seen, "ink")
    previewer, counts = Previewer(previews, Cancel()), list[int]()

    def shown(*told: object) -> None:
        previewer.show(*told)  # type: ignore[arg-type]
        counts.append(len(previews.windows()))

    made = restyle(open_clip(clip, at), at, shown=WindowParts(shown).on_window)
    assert counts == list(range(1, len(counts) + 1)) and len(counts) >= 3
    plans = [window.plan for window in made.frames.windows]
    assert [(each["start"], each["stop"]) for each in previews.windows()] == [
        (plan.span.start, plan.span.stop) for plan in plans
    ]
    result, source = pictures(scan(made.encoded.path, Limits())), pictures(made.clip)
    for plan in plans:
        small = scan(previews.clip(plan.index), Limits())
        assert small.codec == "h264" and small.pixel_format == "yuv420p" and small.size.height_px == 180
        first = plan.span.start + plan.span.start % 2
        for picture, index in zip(pictures(small), range(first, plan.span.stop, 2), strict=True):
            away = [np.abs(picture.astype(int) - other[index].astype(int)).mean() for other in (result, source)]
            assert away[0] < away[1], "it looks like the result, not like the source"


def test_what_is_in_the_cache_alone_is_not_worth_a_preview(clip: Path, seen: RunContext, tmp_path: Path) -> None:
    previews = Previews.of(tmp_path, JOB)
    restyle(open_clip(clip, seen), seen, shown=watched(previews))
    assert previews.windows() == [] and not previews.folder.exists()


class Stopped(Exception):
    """As if the process ended here."""


def test_a_resumed_job_keeps_its_own_and_another_look_starts_anew(clip: Path, seen: RunContext, tmp_path: Path) -> None:
    previews = Previews.of(tmp_path, JOB)

    def run(at: RunContext, until: int | None = None) -> None:
        previewer = Previewer(previews, Cancel())

        def shown(*told: object) -> None:
            previewer.show(*told)  # type: ignore[arg-type]
            if len(previews.windows()) == until:
                raise Stopped

        restyle(open_clip(clip, at), at, shown=WindowParts(shown).on_window)

    with pytest.raises(Stopped):
        run(looking(seen, "noir"), until=2)
    kept = [previews.clip(index).stat().st_mtime_ns for index in (0, 1)]
    run(looking(seen, "noir"))
    count = len(previews.windows())
    assert count >= 3 and [previews.clip(index).stat().st_mtime_ns for index in (0, 1)] == kept
    with pytest.raises(Stopped):
        run(looking(seen, "clay"), until=1)
    assert [path.name for path in sorted(previews.folder.iterdir())] == ["0.mp4", "windows.json"]


def test_no_room_for_previews_is_a_line_in_the_log(
    clip: Path, seen: RunContext, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "previews").write_text("in the way")
    at = looking(seen, "bleach")
    with caplog.at_level(logging.WARNING):
        made = restyle(open_clip(clip, at), at, shown=watched(Previews.of(tmp_path, JOB)))
    assert made.encoded.facts["frames_out"] == FRAMES
    assert "There is no preview of part 0" in caplog.text


def test_a_cancelled_job_does_not_wait_for_its_preview(clip: Path, seen: RunContext, tmp_path: Path) -> None:
    at, cancel = looking(seen, "cel"), Cancel()
    previewer = Previewer(Previews.of(tmp_path, JOB), cancel)

    def shown(*told: object) -> None:
        cancel.ask()
        previewer.show(*told)  # type: ignore[arg-type]

    with pytest.raises(Cancelled):
        restyle(open_clip(clip, at), at, shown=WindowParts(shown).on_window)
    assert previewer.previews.windows() == []


@pytest.fixture
def at_home(tmp_path: Path) -> Iterator[House]:
    with house(tmp_path) as made:
        yield made


def test_a_worker_shows_windows_while_it_works_and_none_when_it_is_done(clip: Path, at_home: House) -> None:
    job = at_home.submit(clip, generate__look="ink", **MANY)
    previews = Previews.of(at_home.home, job)
    (first, *_) = at_home.until(previews.windows, "preview")
    assert at_home.ledger.get(job).state is State.RUNNING
    assert len(scan(previews.clip(first["index"]), Limits())) > 0
    assert at_home.ended(job).state is State.DONE
    assert not previews.folder.exists()
    assert at_home.ledger.get(job).result["width"] == 320
