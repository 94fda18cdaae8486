"""The form of the app: described for every setting, filled again from what was asked before, and read from no file."""

import json
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.testclient import TestClient

import pipeline.engines
from pipeline.engines.base import SPEED, Readiness
from pipeline.jobs.ledger import Ledger
from pipeline.jobs.locations import database_url
from pipeline.jobs.order import make_order
from pipeline.kinds import find_kind, kinds
from pipeline.library.clips import Clips
from pipeline.library.references import keep
from pipeline.settings import JobSettings, Settings, presets
from pipeline.types import REFERENCES
from tests.orders import restyle_order
from tests.pictures import coded, sunset
from ui import forms, given_files
from ui import restore_form as using
from ui.problems import NotAllowed, NotHere
from ui.routes import forms as form_routes
from ui.studio import Studio
from utils.errors import ReshootError, SettingsError
from utils.project import PROJECT_ROOT

FIELDS = tuple(field for field in Settings.fields() if field.group != forms.TRIM)
RESTYLE, STEADY = find_kind("restyle"), find_kind("steady")
FORM = forms.form(RESTYLE)
CHOSEN = ("generate.model",)
"""Texts of which the form knows all that make sense."""
PICTURES = ("generate.reference", "generate.reference_2")


# the description


def test_every_setting_is_described_once_with_what_it_takes() -> None:
    described = {each["name"]: each for each in FORM["fields"]}
    assert list(described) == [field.name for field in FIELDS]
    groups = {each["name"] for each in FORM["groups"]}
    assert groups == {field.group for field in FIELDS} <= forms.GROUPS.keys()
    assert forms.GROUPS.keys() <= {field.group for kind in kinds() for field in kind.settings.fields()}
    for field in FIELDS:
        about = described[field.name]
        assert about["title"] and about["help"] and about["group"] in groups
        if field.name in CHOSEN:
            assert about["kind"] == "choice" and about["choices"][0]["value"] == field.default
            continue
        assert about["kind"] == field.kind
        assert (about["minimum"], about["maximum"], about["unit"]) == (field.minimum, field.maximum, field.unit)
        assert [each["value"] for each in about["choices"]] == list(field.choices)
        assert all(each["title"] for each in about["choices"])
        assert (about["step"] is None) == (field.kind in ("choice", "file", "text"))
    assert set(FORM["front"]) < described.keys()
    json.dumps(FORM, allow_nan=False)


def shown(settings: JobSettings) -> dict[str, Any]:
    """The settings that a form has fields for."""
    return {name: value for name, value in settings.flat().items() if not name.startswith(f"{forms.TRIM}.")}


@pytest.mark.parametrize("preset", presets())
def test_a_preset_names_what_presets_differ_in_and_nothing_else(preset: str) -> None:
    """Its values, and the defaults elsewhere, are all that the preset says."""
    [chosen] = [each for each in FORM["presets"] if each["name"] == preset]
    usual = {each["name"]: each["default"] for each in FORM["fields"]}
    assert usual | chosen["values"] == shown(Settings.load(preset))
    assert chosen["about"] == presets()[preset]
    for name in chosen["values"]:
        assert len({str(each["values"][name]) for each in FORM["presets"]}) > 1
    assert "generate.look" not in chosen["values"]


def test_the_first_preset_of_a_form_is_the_usual_one() -> None:
    assert FORM["preset"] == RESTYLE.settings.USUAL_PRESET == "balanced"
    assert {each["name"]: each["default"] for each in FORM["fields"]} == shown(Settings())


def test_a_kind_without_presets_has_its_own_defaults() -> None:
    described = forms.form(STEADY)
    assert described["presets"] == [] and described["preset"] == "" and not described["preview"]
    defaults = {each["name"]: each["default"] for each in described["fields"]}
    assert defaults == shown(STEADY.settings()) and defaults["encode.crf"] == 16 != Settings().encode.crf
    assert STEADY.settings.load(None, {"encode.crf": 9}).flat()["encode.crf"] == 9


def test_every_look_has_its_picture_and_its_sentence() -> None:
    [look] = [each for each in FORM["fields"] if each["name"] == "generate.look"]
    for choice in look["choices"]:
        assert choice["about"] and (PROJECT_ROOT / "ui" / choice["picture"].removeprefix("/studio/")).is_file()


def test_a_model_that_cannot_run_here_says_why_and_what_helps(monkeypatch: pytest.MonkeyPatch) -> None:
    engine, *others = pipeline.engines.engines()
    assert not described("generate.engine")["choices"][0]["about"]
    monkeypatch.setattr(type(engine), "probe", lambda _: Readiness(False, "It needs a GPU.", "Use another machine."))
    choices = described("generate.engine")["choices"]
    assert [each["value"] for each in choices] == [engine.name, *(other.name for other in others)]
    assert choices[0]["title"] == engine.label
    assert choices[0]["about"] == "It cannot run here yet. It needs a GPU. Use another machine."
    assert not choices[0]["ready"] and all(each["good_for"] for each in choices)


def test_a_checkpoint_belongs_to_its_engine() -> None:
    usual, *choices = described("generate.model")["choices"]
    assert usual["value"] == "" and "engines" not in usual
    engines = {each["value"]: each["engines"] for each in choices}
    assert engines["wan-vace-1.3b"] == ["vace"] and "sd-1.5-depth" not in engines, "a part is nothing to choose"


def test_what_leads_names_the_engines_that_can_be_led_by_it() -> None:
    choices = {each["value"]: each for each in described("generate.control")["choices"]}
    assert choices["soft_edges"] == {"value": "soft_edges", "title": "Soft edges", "engines": ["controlnet"]}
    assert choices["depth"]["engines"] == ["vace", "controlnet"] and "engines" not in choices["none"]


def test_the_form_knows_what_model_and_effort_mean() -> None:
    """So that it can say so without asking: for every engine with models, and each of these."""
    rows = {(row["engine"], row["model"], row["effort"]): row for row in FORM["meant"]}
    assert len(rows) == len(FORM["meant"])
    models = [(each["engines"][0], each["value"]) for each in described("generate.model")["choices"][1:]]
    engines = described("generate.effort")["engines"]
    efforts = [each["value"] for each in described("generate.effort")["choices"]]
    chosen = [*models, *((engine, "") for engine in engines)]
    assert set(rows) == {(engine, model, effort) for engine, model in chosen for effort in efforts}
    assert rows["vace", "wan-vace-14b", "low"]["steps"] == 25 and rows["vace", "wan-vace-14b", "high"]["steps"] == 50
    assert rows["controlnet", "sd-1.5-lcm", "low"]["guidance"] == 1
    assert forms.form(STEADY)["meant"] == []


def test_reference_pictures_have_one_control_and_engines_take_so_many() -> None:
    told = described("generate.reference")
    assert (told["control"], told["settings"]) == ("references", list(REFERENCES))
    assert told["most"] == {
        "restyle": len(REFERENCES),
        "keyframe": 0,
        "vace": len(REFERENCES),
        "controlnet": len(REFERENCES),
        "edit": len(REFERENCES),
        "bernini": len(REFERENCES),
    }
    assert told["several_for"] == {"restyle": ["picture"]}, "its other looks take one"
    assert told["engines"] == [name for name, most in told["most"].items() if most]
    assert all(described(name)["elsewhere"] for name in REFERENCES[1:])


def test_a_setting_names_the_engines_that_read_it() -> None:
    """The form shows it only with these."""
    assert described("generate.look")["engines"] == ["restyle"]
    assert described("generate.prompt")["engines"] == ["vace", "controlnet", "edit", "bernini"]
    assert described("generate.strength")["engines"] == ["restyle", "controlnet"]
    assert described("generate.guide")["engines"] == ["vace", "controlnet"]
    for name in (*SPEED, "memory.offload"):
        assert described(name)["engines"] == ["vace", "controlnet", "edit", "bernini"]
    assert described("generate.seed")["engines"] == ["restyle", "vace", "controlnet", "edit", "bernini"]
    assert described("generate.windows")["engines"] == ["vace", "edit"]
    assert all("engines" not in described(name) for name in ("generate.engine", "encode.crf"))


def described(name: str) -> dict[str, Any]:
    [field] = [each for each in forms.form(RESTYLE)["fields"] if each["name"] == name]
    return dict(field)


# values of browsers


def test_browsers_have_one_kind_of_number() -> None:
    assert Settings.load("balanced", {"segments.overlap_frames": 9.0}).flat()["segments.overlap_frames"] == 9


def test_two_settings_that_do_not_go_together_are_refused_with_a_sentence() -> None:
    with pytest.raises(SettingsError, match="is below"):
        Settings.load("balanced", {"foot_lock.plant_leg_per_s": 1.5})


def kept(home: Path) -> Path:
    """A picture in a home, at its place; its digest is the stem."""
    (home / "part").write_bytes(coded(sunset(), "PNG"))
    digest = keep(home, home / "part").digest
    return home.absolute() / "references" / f"{digest}.png"


def test_a_kept_picture_is_named_by_its_digest_or_by_its_place(tmp_path: Path) -> None:
    place = kept(tmp_path)
    for said in (place.stem, str(place)):
        for settings in ({"generate.reference": said}, {"generate": {"reference": said}}):
            assert given_files.settled(tmp_path, settings, PICTURES) == {"generate.reference": place.stem}


@pytest.mark.parametrize("none", [None, ""])
def test_no_picture_is_none(tmp_path: Path, none: object) -> None:
    said = {"generate.reference": none, "generate.look": "ink"}
    assert given_files.settled(tmp_path, said, PICTURES) == {"generate.look": "ink"}


def test_everything_else_is_refused_in_the_same_words(tmp_path: Path) -> None:
    place, other = kept(tmp_path), tmp_path / "picture.png"
    other.write_bytes(place.read_bytes())
    small = place.parent / "previews" / f"{place.stem}.jpg"
    strange: list[object] = [
        str(other), "/etc/passwd", str(place.parent), str(small), str(tmp_path / "absent.png"), "a\0b", "0" * 64, "*",
        place.stem.upper(), f"{place.stem[:-1]}*", f"{place}/../{place.name}/../../picture.png", f"./{place.stem}",
        "\ud83d", "on its way",
        3, 0, True, [], {}, [place.stem], [str(other)], {"path": str(place)}, {"path": str(other), "meta": {}},
    ]  # fmt: skip
    for said in strange:
        for settings in ({"generate.reference": said}, {"generate": {"reference": said}}):
            with pytest.raises(NotAllowed) as caught:
                given_files.settled(tmp_path, settings, PICTURES)
            refusal = given_files.not_added("generate.reference")
            assert (caught.value.problem, caught.value.remedy) == (refusal.problem, refusal.remedy), said


# filled again


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[Studio]:
    ledger = Ledger(database_url(tmp_path))
    yield Studio(tmp_path, ledger)
    ledger.close()


@pytest.fixture
def browser(studio: Studio) -> Iterator[TestClient]:
    """Asks the routes of the form."""
    app = FastAPI()
    app.add_exception_handler(ReshootError, _told)
    app.include_router(form_routes.routes(studio), prefix="/studio")
    with TestClient(app) as browser:
        yield browser


async def _told(request: Request, error: Exception) -> Response:
    assert isinstance(error, ReshootError)
    return JSONResponse({"problem": error.problem, "remedy": error.remedy}, 404 if isinstance(error, NotHere) else 400)


def use(settings: object, preset: object = "fast") -> dict[str, Any]:
    return {"kind": "use", "preset": preset, "settings": settings}


@pytest.mark.parametrize(
    "said",
    [
        {"generate.look": "ink", "segments.count": 5},
        {"segments.count": "auto", "stabilise.window_s": 2.5},
        {"generate.seed": 2**32 - 1, "encode.crf": 0, "foot_lock.blend": 0.7},
        {"segments.count": "5", "composite.background": "plate"},
    ],
)
def test_what_was_asked_is_what_fills_the_form(studio: Studio, said: dict[str, object]) -> None:
    found = using.restored(studio, use(said, "quality"))
    assert found.values == Settings.load("quality", said).flat()
    assert (found.form, found.preset, found.clips, found.missing) == ("restyle", "quality", None, "")


def test_settings_without_a_preset_are_those_of_the_usual_one(studio: Studio) -> None:
    found = using.restored(studio, {"kind": "use", "settings": {"encode.crf": 9}})
    assert found.preset == "balanced" and found.values == Settings.load("balanced", {"encode.crf": 9}).flat()


@pytest.mark.parametrize(
    "path", ["/etc/passwd", "secrets.json", "references/../secrets.json", "http://127.0.0.1/x", "\0", "\ud83d"]
)
def test_no_settings_lead_to_a_file_that_is_no_reference(studio: Studio, path: str) -> None:
    """What comes back into the form may be shown by it, and so be read."""
    (studio.home / "secrets.json").write_text("{}")
    (studio.home / "references").mkdir()
    for named, in_groups in product((path, str(studio.home / path)), (False, True)):
        settings = {"generate": {"reference": named}} if in_groups else {"generate.reference": named}
        found = using.restored(studio, use(settings))
        assert found.values["generate.reference"] is None
        assert found.missing == using.NO_FILE.format("reference picture")


@pytest.mark.parametrize("in_groups", [False, True])
def test_the_settings_of_a_result_bring_their_picture_back(studio: Studio, in_groups: bool) -> None:
    digest = kept(studio.home).stem
    settings = {"generate": {"reference": digest}} if in_groups else {"generate.reference": digest}
    found = using.restored(studio, use(settings))
    assert found.values["generate.reference"] == digest
    assert not found.missing


def test_an_order_of_a_former_version_brings_its_picture_back(studio: Studio) -> None:
    place = kept(studio.home)
    job = studio.ledger.submit(restyle_order("/x/walk.mp4", "walk.mp4", {"generate.reference": str(place)}))
    found = using.restored(studio, {"kind": "edit", "job": job.id})
    assert found.values["generate.reference"] == place.stem


def test_a_job_to_be_run_again_brings_its_clip(studio: Studio, browser: TestClient, tmp_path: Path) -> None:
    file = tmp_path / "walk.mp4"
    file.write_bytes(b"clip")
    clips = Clips(studio.home)
    clip = clips.add(file, "walk.mp4")
    ours = studio.ledger.submit(restyle_order(str(clips.path(clip)), "walk.mp4", {"generate.look": "ink"}, "fast"))
    told = browser.post("/studio/form", json={"kind": "edit", "job": ours.id}).json()
    assert told.keys() == {"form", "preset", "values", "clips", "missing"}
    assert told["values"]["generate.look"] == "ink" and told["preset"] == "fast"
    assert told["clips"] == [{"id": clip, "title": "walk.mp4"}] and not told["missing"]
    file.write_bytes(b"guide")
    guided = {"generate.guide": clips.add(file, "guide.mp4")}
    ours = studio.ledger.submit(make_order(RESTYLE, {"clip": clip}, "walk.mp4", guided, "fast"))
    told = browser.post("/studio/form", json={"kind": "edit", "job": ours.id}).json()
    assert told["values"]["generate.guide"] == guided["generate.guide"], "and its guide, which is no clip to restyle"
    assert told["clips"] == [{"id": clip, "title": "walk.mp4"}] and not told["missing"]
    other = studio.ledger.submit(restyle_order("/elsewhere/walk.mp4", "walk.mp4"))
    told = browser.post("/studio/form", json={"kind": "edit", "job": other.id}).json()
    assert told["clips"] == [] and told["missing"] == using.NO_CLIP


def test_the_route_describes_every_kind_as_it_is(browser: TestClient) -> None:
    others = [kind for kind in kinds() if kind.name != "restyle"]
    assert browser.get("/studio/forms").json() == json.loads(json.dumps({"forms": [FORM, *map(forms.form, others)]}))


ODD = ["3", "[1]", "null", '"x"', "{}", '{"kind": "x"}', '{"kind": ["use"]}', "[" * 100_000, '{"kind": "edit"}',
       '{"kind": "use", "preset": ["x"]}', '{"kind": "use", "preset": {"path": "/etc/passwd"}}',
       '{"kind": "use", "preset": "../fast"}', '{"kind": "use", "preset": "\\ud83d"}',
       '{"kind": "use", "settings": "huh"}', '{"kind": "use", "settings": [1]}', '{"kind": "use", "form": "x"}',
       '{"kind": "use", "form": {}}', '{"kind": "edit", "job": "\\ud83d"}', '{"kind": "edit", "job": ["a"]}',
       '{"kind": "edit", "job": "../x"}', '{"kind": "edit", "job": "000000000000000000000000"}',
       '{"kind": "use", "settings": {"\\ud83d": 1}}', '{"kind": "use", "settings": {"no.such": 1}}']  # fmt: skip
VALUES = ["1e999", "-1e999", "NaN", '"\\ud83d"', "[1]", "{}", '{"path": "/etc/passwd"}', '[{"path": "/etc/passwd"}]',
          '{"generate.look": 1}', "9" * 5000, "true", '"/etc/passwd"', "-1"]  # fmt: skip


@pytest.mark.parametrize("said", ODD, ids=lambda said: said[:60])
def test_odd_requests_are_a_sentence(browser: TestClient, said: str) -> None:
    answer = browser.post("/studio/form", content=said)
    assert answer.status_code in (400, 404), answer.text
    assert answer.json()["problem"] and answer.json()["remedy"]


@pytest.mark.parametrize("name", ["generate.look", "segments.count", "encode.crf", "stabilise.window_s"])
def test_odd_values_are_a_sentence(browser: TestClient, name: str) -> None:
    group, _, key = name.partition(".")
    for value in VALUES:
        for settings in (f'{{"{name}": {value}}}', f'{{"{group}": {{"{key}": {value}}}}}'):
            answer = browser.post("/studio/form", content=f'{{"kind": "use", "settings": {settings}}}')
            assert answer.status_code == 400, (value, answer.text)
            assert answer.json()["problem"] and answer.json()["remedy"]
