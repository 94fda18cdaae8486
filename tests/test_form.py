"""The form of the app: a control for every setting, which gives back exactly what was meant."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import gradio as gr
import pytest

from pipeline.clips import Clips
from pipeline.jobs.job import Order
from pipeline.jobs.ledger import Ledger
from pipeline.jobs.places import database_url
from pipeline.settings import Settings, presets
from ui import create, form, references, using
from ui.studio import Studio
from utils.errors import SettingsError

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


PICTURE = b"\x89PNG\r\n\x1a\n and more"


def test_a_reference_outlives_the_form(tmp_path: Path) -> None:
    picture = tmp_path / "upload" / "sun set.GIF"
    picture.parent.mkdir()
    picture.write_bytes(PICTURE)
    field = Settings.field("generate.reference")
    [kept] = references.kept(tmp_path, [field], [str(picture)])
    picture.unlink()
    assert Path(kept).read_bytes() == PICTURE and Path(kept).parent == tmp_path / "references"
    assert kept.endswith(".png")
    assert references.kept(tmp_path, [field], [kept]) == [kept]
    assert references.kept(tmp_path, [field], [None]) == [None]


def test_what_is_no_picture_is_no_reference(tmp_path: Path) -> None:
    fake = tmp_path / "fake.png"
    fake.write_text("<script>alert(1)</script>")
    with pytest.raises(SettingsError, match="not a picture"):
        references.kept(tmp_path, [Settings.field("generate.reference")], [str(fake)])
    assert not (tmp_path / "references").exists()


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
    for named in (path, str(studio.home / path)):
        said = {"kind": "use", "preset": "fast", "settings": {"generate.reference": named}}
        found = using.used(studio, json.dumps(said), FIELDS)
        assert found.values[[field.name for field in FIELDS].index("generate.reference")] is None
        assert found.missing == using.NO_PICTURE


def test_the_settings_of_a_result_bring_their_picture_back(studio: Studio) -> None:
    folder, name = studio.home / "references", "0123456789abcdef" * 4
    folder.mkdir()
    (folder / f"{name}.png").write_bytes(b"\x89PNG")
    said = {"kind": "use", "preset": "fast", "settings": {"generate.reference": name}}
    found = using.used(studio, json.dumps(said), FIELDS)
    assert found.values[[field.name for field in FIELDS].index("generate.reference")] == str(folder / f"{name}.png")
    assert not found.missing


@pytest.mark.parametrize("said", ["", "[1]", '{"preset": ["x"]}', '{"settings": "huh"}', "[" * 100_000])
def test_odd_settings_are_a_sentence(studio: Studio, said: str) -> None:
    with pytest.raises(SettingsError, match="not in a form that can be read"):
        using.used(studio, said, FIELDS)


def test_a_job_to_be_run_again_brings_its_clip(studio: Studio, tmp_path: Path) -> None:
    file = tmp_path / "walk.mp4"
    file.write_bytes(b"clip")
    clips = Clips(studio.home)
    clip = clips.add(file, "walk.mp4")
    ours = studio.ledger.submit(Order(str(clips.path(clip)), "walk.mp4", {"generate.look": "ink"}, "fast"))
    found = using.used(studio, json.dumps({"kind": "edit", "job": ours.id}), FIELDS)
    assert found.clips == [{"id": clip, "title": "walk.mp4"}] and not found.missing
    other = studio.ledger.submit(Order("/elsewhere/walk.mp4", "walk.mp4"))
    found = using.used(studio, json.dumps({"kind": "edit", "job": other.id}), FIELDS)
    assert found.clips == [] and found.missing == using.NO_CLIP
