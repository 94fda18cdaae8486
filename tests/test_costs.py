"""What calls of models took is kept by engine, checkpoint and card, and corrects the rough estimates of later ones."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.engines import costs
from pipeline.engines.base import Call, Cost
from pipeline.engines.clearing import Clearing
from pipeline.engines.costs import LATEST, SHIPPED, Known, known, line, record
from pipeline.estimate import Estimate
from pipeline.make.window_cost import Costs, WindowCost
from pipeline.report.making import Making
from utils.errors import Cancelled
from utils.graphics_card import CardUse
from utils.size import Size

SIZE = Size(480, 832)
CALL = Call("wan-vace-14b", SIZE, frames=81, steps=4, passes=4, seconds=90.0, vram_mb=40_000.0)
CARD = "NVIDIA A40"


def rough(seconds: float = 30.0, vram_mb: float = 20_000.0) -> Cost:
    return Cost(seconds, 14_000, vram_mb)


def test_without_a_measurement_it_is_rough() -> None:
    assert Known().corrected(rough(), lambda call: rough()) == Cost(30, 14_000, 20_000, "rough")


def test_what_was_measured_here_corrects_it_and_is_named(tmp_path: Path) -> None:
    record("vace", CARD, [CALL], tmp_path)
    found = known("vace", "wan-vace-14b", CARD, tmp_path)
    assert found.calls == (CALL,)
    cost = found.corrected(rough(60), lambda call: rough())
    assert cost.seconds == pytest.approx(180) and cost.vram_mb == pytest.approx(40_000)
    assert cost.basis == "measured on this machine once"
    record("vace", CARD, [CALL] * 3, tmp_path)
    assert known("vace", "wan-vace-14b", CARD, tmp_path).corrected(rough(), lambda call: rough()).basis == (
        "measured on this machine 4 times"
    )


def test_a_call_of_another_kind_is_scaled_as_the_arithmetic_says(tmp_path: Path) -> None:
    """Twice the steps cost twice as much in both."""
    record("vace", CARD, [CALL], tmp_path)
    cost = known("vace", "wan-vace-14b", CARD, tmp_path).corrected(rough(8 * 2), lambda call: rough(call.passes * 2))
    assert cost.seconds == pytest.approx(180)


def test_the_latest_calls_count_and_one_strange_one_counts_little(tmp_path: Path) -> None:
    record("vace", CARD, [replace(CALL, seconds=9000.0)] * 5 + [CALL] * LATEST, tmp_path)
    assert known("vace", "wan-vace-14b", CARD, tmp_path).corrected(rough(), lambda call: rough()).seconds == (
        pytest.approx(90)
    )


def test_another_engine_checkpoint_or_card_says_nothing(tmp_path: Path) -> None:
    record("vace", CARD, [CALL], tmp_path)
    for other in (("edit", "wan-vace-14b", CARD), ("vace", "wan-vace-1.3b", CARD), ("vace", "wan-vace-14b", "L40S")):
        assert known(*other, tmp_path).calls == ()


def test_what_is_shipped_counts_where_this_machine_knows_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shipped = tmp_path / "shipped.jsonl"
    shipped.write_text(line("vace", CARD, CALL))
    monkeypatch.setattr(costs, "SHIPPED", shipped)
    found = known("vace", "wan-vace-14b", CARD, tmp_path)
    assert found.corrected(rough(), lambda call: rough()).basis == "measured on such a card once"
    record("vace", CARD, [CALL], tmp_path)
    assert known("vace", "wan-vace-14b", CARD, tmp_path).here


def test_the_shipped_file_can_be_read_and_names_what_measured_each_line() -> None:
    for each in SHIPPED.read_text().splitlines():
        assert {"engine", "card", "seconds"} <= set(json.loads(each))


def test_lines_that_are_none_are_passed_over(tmp_path: Path) -> None:
    record("vace", CARD, [CALL], tmp_path)
    file = tmp_path / costs.OWN
    good = file.read_text()
    wrong = ["{", "3", "[]", "{}", good.replace("90.0", "-1"), good.replace("90.0", '"long"'), good[:40]]
    file.write_text("\n".join([*(each.strip() for each in wrong), good]))
    assert known("vace", "wan-vace-14b", CARD, tmp_path).calls == (CALL,)


def test_the_file_does_not_grow_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(costs, "MOST_BYTES", 2000)
    monkeypatch.setattr(costs, "KEPT_LINES", 3)
    for _ in range(20):
        record("vace", CARD, [CALL], tmp_path)
    assert (tmp_path / costs.OWN).stat().st_size < 2500
    assert len(known("vace", "wan-vace-14b", CARD, tmp_path).calls) >= 3


def test_the_estimate_says_what_it_rests_on() -> None:
    assert str(Estimate(300, 500, 0, "2 processors", "rough")) == "about 5 min, 500 MB, on 2 processors (rough)"
    assert str(Estimate(300, 500, 0, "2 processors")).endswith("processors")


def test_a_home_that_cannot_be_written_to_stops_nothing_and_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("RESHOOT_HOME", str(tmp_path / "file"))
    costs = Costs("vace", CARD, [WindowCost(81, 91.0, rough(), Clearing("window"), (CALL,))])
    with costs.learning():
        pass
    assert costs.problem


def test_what_was_measured_before_it_broke_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RESHOOT_HOME", str(tmp_path))
    costs = Costs("vace", CARD)
    with pytest.raises(Cancelled), costs.learning():
        costs.windows.append(WindowCost(81, 91.0, rough(), Clearing("window"), (CALL,)))
        raise Cancelled
    assert known("vace", "wan-vace-14b", CARD).calls == (CALL,)


def test_the_report_puts_the_estimate_beside_what_happened() -> None:
    clearing = Clearing("window", times=1, seconds=0.05)
    window = WindowCost(81, 91.0, rough(80.0), clearing, (CALL,))
    told = Making((window, window), CardUse(CARD, 0.9, 41_000.0, 46_068.0, 180)).to_json()
    assert told
    assert told["estimate"] == {"seconds": 160.0, "vram_mb": 20_000, "basis": ""}
    assert (told["seconds"], told["frames"], told["vram_mb"]) == (182.0, 162, 41_000)
    assert told["clearing"] == {"when": "window", "times": 2, "seconds": 0.1}
    assert told["card"]["busy"] == 0.9 and len(told["calls"]) == 2 and json.dumps(told)
    assert Making().to_json() is None
