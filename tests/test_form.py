"""The form of the app: a control for every setting, which gives back exactly what was meant."""

import asyncio
import json
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import gradio as gr
import pytest

from pipeline.jobs.ledger import Ledger
from pipeline.jobs.locations import database_url
from pipeline.library.clips import Clips
from pipeline.library.references import keep
from pipeline.settings import Settings, presets
from tests.orders import restyle_order
from tests.pictures import coded, sunset
from ui import create, form, references
from ui import restore_form as using
from ui.problems import NotAllowed
from ui.studio import Studio
from utils.errors import SettingsError

PICTURES = ("generate.reference",)

FIELDS = Settings.fields()


@pytest.fixture(scope="module")
def controls() -> create._Controls:
    async def drawn() -> create._Controls:
        with gr.Blocks():
            return create._controls()

    return asyncio.run(drawn())  # outside of a loop Gradio makes its own and leaves them behind


def test_every_setting_has_one_control_with_its_help(controls: create._Controls) -> None:
    assert {field.name for field in controls.fields} == {field.name for field in FIELDS}
    assert len(controls.fields) == len(FIELDS) == len(controls.parts)
    for field, part in zip(controls.fields, controls.parts, strict=True):
        assert field.title in str(part.label) or field.name == "generate.engine"
        assert field.kind == "file" or vars(part).get("info")


@pytest.mark.parametrize("preset", presets())
def test_an_untouched_form_says_nothing_beyond_its_preset(preset: str) -> None:
    assert form.read(preset, FIELDS, form.filled(preset, {}, FIELDS)) == {}


def test_a_preset_decides_what_presets_differ_in_and_nothing_else() -> None:
    decided = form.decided(FIELDS)
    assert list(decided) == list(presets())
    before = form.filled("fast", {"generate.look": "ink"}, FIELDS)
    for preset, shown in decided.items():
        assert "generate.look" not in shown
        after = [shown.get(field.name, value) for field, value in zip(FIELDS, before, strict=True)]
        assert form.read(preset, FIELDS, after) == {"generate.look": "ink"}


@pytest.mark.parametrize(
    "said",
    [
        {"generate.look": "ink", "segments.count": 5},
        {"segments.count": "auto", "stabilise.window_s": 2.5},
        {"generate.seed": 2**32 - 1, "encode.crf": 0, "foot_lock.blend": 0.7},
        {"generate.reference": "/somewhere/picture.png", "composite.background": "plate"},
    ],
)
def test_what_is_filled_in_is_what_is_read(said: dict[str, object]) -> None:
    expected = {name: value for name, value in said.items() if value != Settings.load("quality").flat()[name]}
    assert form.read("quality", FIELDS, form.filled("quality", said, FIELDS)) == expected


def test_browsers_have_one_kind_of_number() -> None:
    values = form.filled("balanced", {}, FIELDS)
    values[[field.name for field in FIELDS].index("segments.overlap_frames")] = 9.0
    assert form.read("balanced", FIELDS, values) == {"segments.overlap_frames": 9}


def test_two_settings_that_do_not_go_together_are_refused_with_a_sentence() -> None:
    values = form.filled("balanced", {}, FIELDS)
    values[[field.name for field in FIELDS].index("foot_lock.plant_leg_per_s")] = 1.5
    with pytest.raises(SettingsError, match="is below"):
        form.read("balanced", FIELDS, values)


def kept(home: Path) -> Path:
    """A picture in a home, at its place; its digest is the stem."""
    (home / "part").write_bytes(coded(sunset(), "PNG"))
    digest = keep(home, home / "part").digest
    return home.absolute() / "references" / f"{digest}.png"


def test_a_kept_picture_is_named_by_its_digest_or_by_its_place(tmp_path: Path) -> None:
    place = kept(tmp_path)
    for said in (place.stem, str(place)):
        for settings in ({"generate.reference": said}, {"generate": {"reference": said}}):
            assert references.settled(tmp_path, settings, PICTURES) == {"generate.reference": place.stem}


@pytest.mark.parametrize("none", [None, ""])
def test_no_picture_is_none(tmp_path: Path, none: object) -> None:
    said = {"generate.reference": none, "generate.look": "ink"}
    assert references.settled(tmp_path, said, PICTURES) == {"generate.look": "ink"}


def test_everything_else_is_refused_in_the_same_words(tmp_path: Path) -> None:
    place, other = kept(tmp_path), tmp_path / "picture.png"
    other.write_bytes(place.read_bytes())
    small = place.parent / "previews" / f"{place.stem}.jpg"
    strange: list[object] = [
        str(other), "/etc/passwd", str(place.parent), str(small), str(tmp_path / "absent.png"), "a\0b", "0" * 64, "*",
        place.stem.upper(), f"{place.stem[:-1]}*", f"{place}/../{place.name}/../../picture.png", f"./{place.stem}",
        3, 0, True, [], {}, [place.stem], [str(other)], {"path": str(place)}, {"path": str(other), "meta": {}},
    ]  # fmt: skip
    for said in strange:
        for settings in ({"generate.reference": said}, {"generate": {"reference": said}}):
            with pytest.raises(NotAllowed) as caught:
                references.settled(tmp_path, settings, PICTURES)
            assert (caught.value.problem, caught.value.remedy) == (references.NOT_ADDED, references.ADD_IT), said


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[Studio]:
    ledger = Ledger(database_url(tmp_path))
    yield Studio(tmp_path, ledger)
    ledger.close()


@pytest.mark.parametrize(
    "path", ["/etc/passwd", "secrets.json", "references/../secrets.json", "http://127.0.0.1/x", "\0"]
)
def test_no_settings_lead_to_a_file_that_is_no_reference(studio: Studio, path: str) -> None:
    """What comes back into the form may be shown by it, and so be read."""
    (studio.home / "secrets.json").write_text("{}")
    (studio.home / "references").mkdir()
    for named, in_groups in product((path, str(studio.home / path)), (False, True)):
        settings = {"generate": {"reference": named}} if in_groups else {"generate.reference": named}
        said = {"kind": "use", "preset": "fast", "settings": settings}
        found = using.restored(studio, json.dumps(said), FIELDS)
        assert found.values[[field.name for field in FIELDS].index("generate.reference")] is None
        assert found.missing == using.NO_PICTURE


@pytest.mark.parametrize("in_groups", [False, True])
def test_the_settings_of_a_result_bring_their_picture_back(studio: Studio, in_groups: bool) -> None:
    digest = kept(studio.home).stem
    settings = {"generate": {"reference": digest}} if in_groups else {"generate.reference": digest}
    found = using.restored(studio, json.dumps({"kind": "use", "preset": "fast", "settings": settings}), FIELDS)
    assert found.values[[field.name for field in FIELDS].index("generate.reference")] == digest
    assert not found.missing


def test_an_order_of_a_former_version_brings_its_picture_back(studio: Studio) -> None:
    place = kept(studio.home)
    job = studio.ledger.submit(restyle_order("/x/walk.mp4", "walk.mp4", {"generate.reference": str(place)}))
    found = using.restored(studio, json.dumps({"kind": "edit", "job": job.id}), FIELDS)
    assert found.values[[field.name for field in FIELDS].index("generate.reference")] == place.stem


@pytest.mark.parametrize("said", [None, 3, "", "[1]", '{"preset": ["x"]}', '{"settings": "huh"}', "[" * 100_000])
def test_odd_settings_are_a_sentence(studio: Studio, said: object) -> None:
    with pytest.raises(SettingsError, match="not in a form that can be read"):
        using.restored(studio, said, FIELDS)


def test_a_job_to_be_run_again_brings_its_clip(studio: Studio, tmp_path: Path) -> None:
    file = tmp_path / "walk.mp4"
    file.write_bytes(b"clip")
    clips = Clips(studio.home)
    clip = clips.add(file, "walk.mp4")
    ours = studio.ledger.submit(restyle_order(str(clips.path(clip)), "walk.mp4", {"generate.look": "ink"}, "fast"))
    found = using.restored(studio, json.dumps({"kind": "edit", "job": ours.id}), FIELDS)
    assert found.clips == [{"id": clip, "title": "walk.mp4"}] and not found.missing
    other = studio.ledger.submit(restyle_order("/elsewhere/walk.mp4", "walk.mp4"))
    found = using.restored(studio, json.dumps({"kind": "edit", "job": other.id}), FIELDS)
    assert found.clips == [] and found.missing == using.NO_CLIP
