"""How sure the numbers of a report are: shares of frames, and the sentences that they become."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.report.page import page
from pipeline.report.report import report
from pipeline.report.sureness import sureness, sureness_in_words
from tests.journeys import bench, filmed, journey, pictures, written
from utils.media.intake import probe


@pytest.mark.parametrize(
    ("shares", "verdicts", "words"),
    [
        ({"camera": 1.0, "person": 0.95, "feet": 1.0}, ["good", "good", "good"], ["100 %", "95 %", "nearly all steps"]),
        ({"camera": 0.8, "person": 0.5, "feet": 0.5}, ["", "", ""], ["80 %", "these frames alone", "50 %"]),
        ({"camera": 0.2, "person": 0.1, "feet": 0.0}, ["look"] * 3, ["trust your eyes", "Point at", "say little"]),
        ({"camera": 0.999, "person": 0.0, "feet": None}, ["good", "look"], ["99 %", "0 %"]),
        ({}, [], []),
    ],
)
def test_shares_become_sentences(shares: dict[str, Any], verdicts: list[str], words: list[str]) -> None:
    found = list(sureness_in_words(shares))
    assert [verdict for verdict, _ in found] == verdicts
    for (_, sentence), word in zip(found, words, strict=True):
        assert word in sentence and sentence.endswith(".")


@pytest.mark.slow
def test_a_clip_whose_feet_are_cut_off_says_so(tmp_path: Path) -> None:
    """A walk, and its upper half alone, after twenty frames of an empty wall."""
    whole = filmed(tmp_path)
    walk = pictures(probe(whole))
    wall = [np.full_like(walk[0][:180], 120)] * 20
    half = written(tmp_path / "half.mp4", [*wall, *(np.ascontiguousarray(picture[:180]) for picture in walk[:40])])
    seen, cut = (journey(path, bench(tmp_path / "cache")) for path in (whole, half))
    sure, unsure = sureness(seen), sureness(cut)
    assert sure["camera"] == 1 and (sure["person"] or 0) > 0.95 and (sure["feet"] or 0) > 0.9
    assert unsure["feet"] == 0 and 0.5 < (unsure["person"] or 0) < 0.7 and (unsure["camera"] or 1) < 0.8
    drawn = page(report(cut), b"")
    assert "contacts and slide say little here" in drawn
