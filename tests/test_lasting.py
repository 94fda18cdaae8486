"""How long results last: the class of every stage that there is, and the figures that are added up by it."""

import importlib
import pkgutil
from functools import cache
from pathlib import Path

import pipeline
from pipeline.finish.known.settings import KnownSettings
from pipeline.finish.known.story import know
from pipeline.finish.known.transcript import GivenFile
from pipeline.kinds import find_kind
from pipeline.lasting import CLASSES, DYNAMIC, PERMANENT, by_class, lasting_of
from pipeline.stage import RunContext, Stage
from pipeline.steady.story import steady
from tests.films import clip
from utils.speech.cues import cue_of
from utils.speech.subtitles import as_srt
from utils.speech.words import Word
from utils.store import Figures, StageStats, Store

OF_OTHER_RESULTS = {
    "background in time", "carry", "check pictures", "film sound", "ground", "guide", "joints", "led clip", "matte",
    "measure", "plate", "web copy of the result",
}  # fmt: skip
"""Stages that read no setting themselves, but results that settings decided."""


@cache
def stages() -> dict[str, Stage]:
    """Every stage that a module of the pipeline declares."""
    found: dict[str, Stage] = {}
    for module in pkgutil.walk_packages(pipeline.__path__, "pipeline."):
        if not module.name.endswith("__main__"):
            values = vars(importlib.import_module(module.name)).values()
            found |= {value.name: value for value in values if isinstance(value, Stage)}
    return found


def test_every_stage_has_the_class_that_its_settings_and_inputs_give_it() -> None:
    assert len(stages()) > 40 and stages().keys() >= PERMANENT | DYNAMIC
    assert not PERMANENT & DYNAMIC
    with_settings = {name for name, stage in stages().items() if stage.settings}
    assert not PERMANENT & with_settings, "a result that depends on a setting is not permanent"
    without = PERMANENT | OF_OTHER_RESULTS | DYNAMIC - with_settings
    assert stages().keys() - with_settings == without, "say which of them a new stage is"
    assert all(stage.lasting == lasting_of(name) for name, stage in stages().items())
    assert lasting_of("make with restyle") == lasting_of("of an earlier version") == "conditional"


def test_permanent_results_are_made_of_no_others(tmp_path: Path) -> None:
    """In a real cache, after real runs: a permanent entry has no input that a setting or a service decided."""
    made = clip(tmp_path / "talk.mp4", 12)
    store = Store(tmp_path / "cache")
    said = cue_of((Word("Hello", 0, 200), Word("there.", 220, 390)))
    known = RunContext(store, KnownSettings.load("", {}).flat())
    know(made, known, GivenFile("talk.srt", as_srt((said,)).encode()))
    steady(made, RunContext(store, find_kind("steady").settings.load("", {}).flat()))
    manifests = [entry.manifest for entry in store.entries() if entry.manifest]
    classes = {each.content: lasting_of(each.key.stage) for each in manifests}
    assert {"permanent", "conditional"} == set(classes.values())
    for each in manifests:
        if lasting_of(each.key.stage) == "permanent":
            assert not {classes.get(parent, "permanent") for parent in each.parents.values()} - {"permanent"}


def test_figures_are_added_up_by_class() -> None:
    sound = StageStats(2, 100, Figures(hits=3, misses=2, computed_s=4.0, spared_s=6.0, read_bytes=150))
    voice = StageStats(1, 10, Figures(shared_hits=1, shared_spared_s=2.0, fetched_bytes=10))
    encode = StageStats(5, 900, Figures(misses=5, computed_s=50.0))
    sums = by_class({"sound": sound, "voice": voice, "encode": encode})
    assert tuple(sums) == CLASSES and sums["dynamic"] == StageStats()
    assert (sums["permanent"].entries, sums["permanent"].bytes) == (3, 110)
    figures = sums["permanent"].figures
    assert (figures.found, figures.computed_s, figures.saved_s, figures.saved_bytes) == (4, 4.0, 8.0, 160)
    assert sums["conditional"] == encode
