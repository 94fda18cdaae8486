"""The form of the app: a control for every setting, which gives back exactly what was meant."""

import asyncio
from pathlib import Path

import gradio as gr
import pytest

from pipeline.settings import Settings, presets
from ui import create, form, references
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


def test_a_reference_outlives_the_form(tmp_path: Path) -> None:
    picture = tmp_path / "upload" / "sun set.PNG"
    picture.parent.mkdir()
    picture.write_bytes(b"pixels")
    field = Settings.field("generate.reference")
    [kept] = references.kept(tmp_path, [field], [str(picture)])
    picture.unlink()
    assert Path(kept).read_bytes() == b"pixels" and Path(kept).parent == tmp_path / "references"
    assert references.kept(tmp_path, [field], [kept]) == [kept]
    assert references.kept(tmp_path, [field], [None]) == [None]
