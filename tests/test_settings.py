"""Settings: one description of each, every wrong name and value answered in one sentence that helps."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from pipeline.settings import Field, Settings, presets, read_assignments
from utils.errors import SettingsError

FIELDS = Settings.fields()
NAMES = [field.name for field in FIELDS]


def right_values(field: Field) -> st.SearchStrategy[Any]:
    """Any value that a setting allows."""
    if field.kind == "choice":
        return st.sampled_from(field.choices)
    if field.kind == "file":
        return st.none() | st.text(st.characters(exclude_categories=["Cs"]), min_size=1)
    if field.name == "generate.reference_weights":
        return st.lists(st.integers(1, 9).map(str), max_size=4).map(",".join)
    if field.kind == "text":
        return st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
    assert field.minimum is not None and field.maximum is not None
    if field.kind == "number":
        return st.floats(field.minimum, field.maximum)
    return st.integers(int(field.minimum), int(field.maximum))


def is_consistent(values: dict[str, Any]) -> bool:
    """Whether the one rule between two settings holds."""
    defaults = Settings().flat() | values
    return bool(defaults["foot_lock.lift_leg_per_s"] >= defaults["foot_lock.plant_leg_per_s"])


overrides = st.fixed_dictionaries({}, optional={field.name: right_values(field) for field in FIELDS}).filter(
    is_consistent
)


def refusal(given: Any, **how: Any) -> SettingsError:
    with pytest.raises(SettingsError) as caught:
        Settings.load(overrides=given, **how)
    assert "\n" not in str(caught.value)
    assert caught.value.problem.endswith(".")
    assert caught.value.remedy.endswith((".", "?"))
    return caught.value


def file_refusal(folder: Path, text: str | bytes) -> SettingsError:
    file = folder / "mine.yaml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    error = refusal({}, file=file)
    assert "mine.yaml" in error.problem
    return error


# what a setting is


def test_a_text_has_a_length() -> None:
    assert Settings.load(overrides={"generate.prompt": "x" * 2000}).generate.prompt == "x" * 2000
    error = refusal({"generate.prompt": "rain " * 2000})
    assert str(error) == "generate.prompt has 10,000 characters; 2,000 are the most. Shorten it by 8,000."


@pytest.mark.parametrize("field", FIELDS, ids=NAMES)
def test_every_setting_is_described(field: Field) -> None:
    assert field.name == f"{field.group}.{field.key}" and field.name.islower()
    assert field.title and field.help.endswith(".") and len(field.help) > 40
    if field.kind == "choice":
        assert field.default in field.choices
    elif field.kind == "text":
        assert field.default == "" and field.maximum
    elif field.kind != "file":
        assert isinstance(field.default, int | float)
        assert field.minimum is not None and field.maximum is not None
        assert field.minimum <= field.default <= field.maximum


@pytest.mark.parametrize("field", FIELDS, ids=NAMES)
def test_the_ends_of_a_range_are_in_it_and_the_next_values_are_not(field: Field) -> None:
    if field.minimum is None or field.maximum is None:
        return
    step = 1 if field.kind == "whole number" else 1e-9
    for inside in (field.minimum, field.maximum):
        if is_consistent({field.name: inside}):
            assert Settings.load(overrides={field.name: inside}).flat()[field.name] == inside
    for outside in (field.minimum - step, field.maximum + step):
        assert field.range_text in refusal({field.name: outside}).problem


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValidationError):
        Settings().stabilise.window_s = 3.0
    with pytest.raises(ValidationError):
        Settings().stabilise = Settings().stabilise


@given(overrides)
def test_settings_survive_json_and_the_command_line(given: dict[str, Any]) -> None:
    chosen = Settings.load(overrides=given)
    assert Settings.from_json(chosen.to_json()) == chosen
    assert Settings.from_json(json.dumps(chosen.diff())) == chosen
    assert Settings.load(overrides=chosen.model_dump()) == chosen
    loses_spaces = ("file", "text")
    typed = {name: each for name, each in chosen.flat().items() if Settings.field(name).kind not in loses_spaces}
    assert read_assignments(f"{name}={value}" for name, value in typed.items()) == typed


@given(overrides)
def test_flat_is_exact_ordered_and_fit_for_a_key(given: dict[str, Any]) -> None:
    flat = Settings.load(overrides=given).flat()
    assert list(flat) == NAMES
    assert json.loads(json.dumps(flat, allow_nan=False)) == flat
    assert all(not isinstance(value, float) or math.copysign(1, value) == 1 for value in flat.values())
    assert {name: flat[name] for name in given} == given


@given(overrides)
def test_diff_is_what_differs(given: dict[str, Any]) -> None:
    differs = Settings.load(overrides=given).diff()
    assert set(differs) == {field.name for field in FIELDS if given.get(field.name, field.default) != field.default}
    assert Settings.load(overrides=differs) == Settings.load(overrides=given)


def test_a_whole_number_for_a_number_is_the_same_setting() -> None:
    assert json.dumps(Settings.load(overrides={"stabilise.window_s": 2}).flat()) == json.dumps(
        Settings.load(overrides={"stabilise.window_s": 2.0}).flat()
    )
    assert Settings.load(overrides={"encode.crf": 20.0}).encode.crf == 20
    assert Settings.load(overrides={"segments.count": "5"}).segments.count == 5


def test_the_later_word_counts(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("encode:\n  crf: 30\nsegments.overlap_frames: 7\n")
    chosen = Settings.load("fast", {"encode": {"crf": 12}}, file)
    assert chosen.encode.crf == 12 and chosen.segments.overlap_frames == 7
    assert chosen.encode.x264_preset == "veryfast"


# wrong names


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("stabilize.windw", "stabilise.window_s"),
        ("stabilize.window_s", "stabilise.window_s"),
        ("Stabilise.Window-S", "stabilise.window_s"),
        ("stabilise.window", "stabilise.window_s"),
        ("footlock.blend", "foot_lock.blend"),
        ("foot-lock.extension", "foot_lock.extension_frames"),
        ("crf", "encode.crf"),
        ("encode.preset", "encode.x264_preset"),
        ("overlap", "segments.overlap_frames"),
        ("re-shake.strength", "reshake.strength"),
        ("generate.crf", "encode.crf"),
        ("generation.seed", "generate.seed"),
    ],
)
def test_a_wrong_name_finds_the_right_one(wrong: str, right: str) -> None:
    error = refusal({wrong: 1})
    field = Settings.field(right)
    assert f"'{wrong}'" in error.problem
    assert error.remedy.startswith(f"Did you mean '{right}' ({field.range_text}, now ")


def test_the_offered_name_tells_range_and_present_value() -> None:
    assert str(refusal({"stabilize.windw": 1})) == (
        "There is no setting 'stabilize.windw'. Did you mean 'stabilise.window_s' (0.2 to 10 s, now 1.0)?"
    )
    assert "(0 to 51, now 23)" in refusal({"crff": 1}, preset="fast").remedy


def test_a_name_that_fits_several_settings_offers_several() -> None:
    remedy = refusal({"strength": 1}).remedy
    assert "'stabilise.strength'" in remedy and "'generate.strength'" in remedy


def test_a_group_alone_is_no_setting() -> None:
    assert "'stabilise.window_s'" in refusal({"stabilise": 2}).remedy


@given(st.text().filter(lambda name: name not in NAMES))
def test_any_wrong_name_gets_a_sentence(name: str) -> None:
    assert "no setting" in refusal({name: 1}).problem


def test_a_hopeless_name_is_shown_the_list() -> None:
    assert "pipeline settings" in refusal({"zzz": 1}).remedy


# wrong values


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("stabilise.window_s", "long", ["'long'", "a number from 0.2 to 10 s"]),
        ("stabilise.window_s", 99, ["99", "0.2 to 10 s"]),
        ("stabilise.window_s", float("nan"), ["nan"]),
        ("stabilise.window_s", float("inf"), ["inf"]),
        ("stabilise.window_s", True, ["True"]),
        ("stabilise.window_s", None, ["nothing"]),
        ("stabilise.window_s", [1], ["several values"]),
        ("generate.seed", 1.5, ["1.5", "a whole number from 0 to 4294967295"]),
        pytest.param("generate.seed", 10**5000, ["that long"], id="too many digits"),
        ("generate.reference", 3, ["the path of a file, or nothing"]),
        ("segments.count", 4, ["4", "auto, 3, 5 or 7"]),
        ("stabilise.method", "x" * 500, ["gaussian or optimal"]),
    ],
)
def test_a_wrong_value_is_told_what_would_be_right(name: str, value: Any, says: list[str]) -> None:
    error = refusal({name: value})
    assert error.problem.startswith(f"{name} cannot be ")
    assert all(part in error.problem for part in says) and len(error.problem) < 200
    assert "now" in error.remedy


def test_a_wrong_choice_finds_the_right_one() -> None:
    assert refusal({"stabilise.method": "gausian"}).remedy.startswith("Did you mean 'gaussian'?")


def test_lift_and_plant_may_not_cross() -> None:
    error = refusal({"foot_lock.plant_leg_per_s": 0.5})
    assert "lift_leg_per_s (0.3)" in error.problem and "0.5 or more" in error.remedy
    given = {"foot_lock.plant_leg_per_s": 0.5, "foot_lock.lift_leg_per_s": 0.8}
    assert Settings.load(overrides=given).foot_lock.lift_leg_per_s == 0.8


# --set


def test_set_gives_typed_values() -> None:
    texts = ["stabilise.window_s = 2", "segments.count=5", "encode.crf=20", "generate.reference=/a=b c.png"]
    typed = {"stabilise.window_s": 2.0, "segments.count": 5, "encode.crf": 20, "generate.reference": "/a=b c.png"}
    assert read_assignments(texts) == typed
    assert [type(value) for value in read_assignments(texts).values()] == [float, int, int, str]
    assert read_assignments(["generate.reference="]) == {"generate.reference": None}


@pytest.mark.parametrize("text", ["stabilise.window_s", "=3", "", "="])
def test_set_without_name_or_value_shows_how(text: str) -> None:
    with pytest.raises(SettingsError, match=r"Write it as stabilise\.window_s=2"):
        read_assignments([text])


def test_set_to_no_number_is_refused_like_any_wrong_value() -> None:
    """NaN differs from itself, and was taken for a second value."""
    with pytest.raises(SettingsError, match=r"trim\.from_s cannot be nan"):
        Settings.load(overrides=read_assignments(["trim.from_s=nan"]))


def test_set_finds_wrong_names_and_contradictions() -> None:
    with pytest.raises(SettingsError, match=r"Did you mean 'encode\.crf'"):
        read_assignments(["encode.crv=3"])
    with pytest.raises(SettingsError, match="set twice, to 3 and to 4"):
        read_assignments(["encode.crf=3", "encode.crf=4"])
    assert read_assignments(["encode.crf=3", "encode.crf=3"]) == {"encode.crf": 3}


@given(st.sampled_from(NAMES), st.text())
def test_set_takes_a_value_or_says_why_not(name: str, text: str) -> None:
    given = read_assignments([f"{name}={text}"])
    try:
        chosen = Settings.load(overrides=given)
    except SettingsError as error:
        assert error.problem.startswith((name, "foot_lock"))
    else:
        assert chosen.flat()[name] == given[name]


# files


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("encode:\n  crf: 99\n", 2, "encode.crf cannot be 99"),
        ("encode:\n  crf: '20'\n", 2, "cannot be '20'"),
        ("encode:\n  crf: .nan\n", 2, "cannot be '.nan'"),
        ("encode:\n  crf: [1, 2]\n", 2, "several values"),
        ("encode:\n  crf:\n", 2, "cannot be nothing"),
        ("# mine\nencode:\n  crv: 3\n", 3, "no setting 'encode.crv'"),
        ("encode:\n  crf: 3\n  crf: 4\n", 3, "a second time"),
        ("encode:\n  crf: 3\nencode:\n  crf: 4\n", 3, "a second time"),
        ("encode:\n  crf: 3\nencode.crf: 4\n", 3, "a second time"),
        ("a: b: c\n", 1, "not YAML"),
        ("encode:\n\tcrf: 3\n", 2, "not YAML"),
        ("- encode\n", 1, "not a set of names and values"),
        ("just words\n", 1, "not a set of names and values"),
        ("? [a, b]\n: 3\n", 1, "a single word"),
        ("encode: {crf: {deep: 1}}\n", 1, "several values"),
        ("encode: !!python/object/apply:os.system ['true']\n", 1, "no setting 'encode'"),
        ("stabilise:\n  window_s: 1\n--- \nencode:\n  crf: 3\n", 3, "not YAML"),
    ],
)
def test_a_wrong_file_is_told_the_line(tmp_path: Path, text: str, line: int, says: str) -> None:
    error = file_refusal(tmp_path, text)
    assert f"line {line}:" in error.problem and says in error.problem


@pytest.mark.parametrize(
    ("data", "says"),
    [(b"\xff\xfe\x00", "UTF-8"), (b"a: \x00", "not YAML"), (b"#" * 300_000, "too large"), (b"[" * 9000, "nested")],
)
def test_a_file_that_is_something_else(tmp_path: Path, data: bytes, says: str) -> None:
    assert says in file_refusal(tmp_path, data).problem


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    assert "No such file" in refusal({}, file=tmp_path / "none.yaml").problem
    assert "directory" in refusal({}, file=tmp_path).problem


@pytest.mark.parametrize("text", ["", "# nothing\n", "encode:\n", "encode: {}\n", "{}"])
def test_a_file_may_change_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / "mine.yaml").write_text(text)
    assert Settings.load(file=tmp_path / "mine.yaml") == Settings()


def test_a_number_in_a_file_is_what_it_looks_like(tmp_path: Path) -> None:
    """YAML 1.1 reads 010 as eight, 1e-1 as a word and 1:30 as ninety."""
    (tmp_path / "mine.yaml").write_text("encode: {crf: 010}\nreshake: {strength: 1e-1}\ngenerate: {reference: on}\n")
    chosen = Settings.load(file=tmp_path / "mine.yaml")
    assert (chosen.encode.crf, chosen.reshake.strength, chosen.generate.reference) == (10, 0.1, "on")
    assert "'1:30'" in file_refusal(tmp_path, "stabilise:\n  window_s: 1:30\n").problem


def test_saved_settings_can_be_a_file(tmp_path: Path) -> None:
    chosen = Settings.load("quality", {"generate.reference": "/pictures/ünï.png"})
    (tmp_path / "saved.json").write_text(chosen.to_json())
    assert Settings.load("fast", file=tmp_path / "saved.json") == chosen


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "not JSON"),
        ("3", "not a set"),
        ("[" * 100_000, "nested"),
        ('{"encode.crf": NaN}', "NaN is no number"),
        ('{"encode.crf": 1, "encode.crf": 2}', "twice"),
        ('{"encode.crf": 99}', "cannot be 99"),
        ('{"encode.crv": 9}', "no setting"),
    ],
)
def test_wrong_json_is_told_why(text: str, says: str) -> None:
    with pytest.raises(SettingsError, match=says):
        Settings.from_json(text)


def test_presets_are_offered_by_name() -> None:
    assert list(presets()) == ["fast", "balanced", "quality"]
