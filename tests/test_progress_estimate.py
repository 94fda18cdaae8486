"""How far a job is and how long it still takes: from what it was expected to take to the pace that it goes at."""

import pytest

from pipeline.jobs.job import Spot
from pipeline.jobs.workers.progress_estimate import ProgressEstimate
from pipeline.restyle.kind import STAGES
from pipeline.stage_texts import StageText
from utils.progress import Progress


def test_a_run_that_said_nothing_yet_has_no_time_left() -> None:
    assert (ProgressEstimate(STAGES).left_s, ProgressEstimate(STAGES).share, ProgressEstimate(STAGES).stage) == (
        None,
        0.0,
        "",
    )


def test_the_time_left_is_first_as_expected_and_then_as_it_goes() -> None:
    moment = 0.0
    pace = ProgressEstimate({"make": StageText("Making", 100)}, clock=lambda: moment)
    pace.expected_s = 50.0
    assert pace.left_s == 50.0
    told = []
    for done in range(100):  # it takes twice as long
        moment = float(done)
        pace.add(Progress("make", done, 100))
        told.append(pace.left_s or 0.0)
    assert told[1] == pytest.approx(50, abs=2) and 50 < told[10] < 85
    assert told[30:] == pytest.approx([100 - done for done in range(30, 100)], rel=0.05)


def test_the_share_grows_with_frames_and_is_whole_only_at_the_end() -> None:
    pace, shares = ProgressEstimate(STAGES), [0.0]
    before = ("probe", "analyse", "joints", "contacts", "segments", "stabilise", "samples", "make with restyle")
    for stage in (*before, "steady", "feet", "a stage that nobody knows", "encode", "measure", "web copy"):
        for done in (0, 30, 60):
            pace.add(Progress(stage, done, 60))
            shares.append(pace.share)
    assert shares == sorted(shares) and shares[-1] == 1.0 and max(shares[:-1]) < 1.0
    assert pace.spot().steps_done == 0


def test_a_pace_counts_the_frames_of_each_window_and_what_is_done_between_two_tellings() -> None:
    pace = ProgressEstimate(STAGES)
    pace.add(Progress("analyse", 1, 1, ended=True))
    for window, start in enumerate((0, 50), 1):
        assert pace.spot() == Spot(window), "nothing of it is done yet"
        told = []
        for done in (0, 5, 30, 31):
            pace.add(Progress("generate with restyle", start + done, 100))
            told.append(pace.spot())
        assert told == [Spot(window, 0, 0), Spot(window, 5, 5), Spot(window, 30, 25), Spot(window, 31, 25)]
        pace.add(Progress("generate with restyle", 1, 1, ended=True))
