"""The registry of models, and finding their weights without any network."""

import hashlib
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from pipeline.commands.models import app
from pipeline.engines.base import EngineError
from pipeline.engines.weights import digests, readiness, weights
from pipeline.models.checksums import Checksums
from pipeline.models.family import GB
from pipeline.models.finding import Found, Missing, find
from pipeline.models.places import Places
from pipeline.models.registry import FAMILIES, Registry
from pipeline.models.volume import WORK_GB, volume_gb
from tests.hub import tensors
from utils.errors import ModelError
from utils.project import PROJECT_ROOT

OWN = """
extends: wan-vace
checkpoints:
  - name: tiny
    good_for: Tests.
    about_gb: 0.01
    card_gb: 0
    repository: reshoot/Tiny-Diffusers
    files: [model_index.json, transformer/*.json, transformer/*.safetensors]
"""
SHARDS = ("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors")
INDEX = "transformer/model.safetensors.index.json"


@pytest.fixture
def places(tmp_path: Path) -> Places:
    (tmp_path / "home" / "models").mkdir(parents=True)
    (tmp_path / "home" / "models" / "own.yaml").write_text(OWN)
    return Places(tmp_path / "home", tmp_path / "hub")


def bring(folder: Path) -> Path:
    """A whole checkpoint, as somebody copies it from elsewhere."""
    (folder / "transformer").mkdir(parents=True)
    (folder / "model_index.json").write_text("{}")
    index = {"weight_map": {"a": SHARDS[0], "b": SHARDS[1]}}
    (folder / INDEX).write_text(json.dumps(index))
    for number, shard in enumerate(SHARDS):
        (folder / "transformer" / shard).write_bytes(tensors(1000 + number))
    return folder


def look(places: Places, name: str = "tiny") -> Found | Missing:
    return find(Registry.load(places.home).model(name), places)


def found_in(places: Places) -> Path:
    found = look(places)
    assert isinstance(found, Found), found
    return found.path


def gaps(places: Places) -> tuple[str, ...]:
    missing = look(places)
    assert isinstance(missing, Missing), missing
    return missing.gaps


def test_every_family_of_the_project_is_sound() -> None:
    registry = Registry.load()
    assert len({family.name for family in FAMILIES.glob("*.yaml")}) >= 8
    assert {"wan-vace-1.3b", "wan-vace-14b", "flux2-klein-4b", "raft-large"} <= {model.name for model in registry}
    assert {"lucy-edit", "ditto", "flux1-dev", "flux2-dev", "flux2-klein-9b", "ltx-2"} == {
        family.family for family in registry.refused
    }
    assert {"sd-1.5-pose", "sd-1.5-depth"}.isdisjoint(model.name for model in registry.choices("controlnet"))
    offered = {model.name for model in registry if "controlnet" in registry.offered_by(model)}
    assert {"sd-1.5", "sd-1.5-depth", "ip-adapter-sdxl"} <= offered, "optional parts, to be fetched"
    assert offered.isdisjoint({"sd-1.5-pose", "ip-adapter-encoder"}), "what comes with others"
    assert "wan-vace-14b" in {model.name for model in registry.choices("vace")}, "whole, though others take parts of it"
    for model in registry:
        assert model.checkpoint.source.startswith("https://") or model.checkpoint.revision == "main", (
            "no commit is pinned that nobody read"
        )


@pytest.mark.parametrize("path", sorted(FAMILIES.glob("*.yaml")), ids=lambda path: path.stem)
def test_a_file_is_named_as_its_family_and_says_where_sizes_are_from(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    values = yaml.safe_load(text)
    assert values["family"] == path.stem
    if "checkpoints" in values:
        assert re.search(r"^ +# .*\b(arithmetic|page|pages|hub|copies|weights|files|network)\b", text, re.M | re.I)


def test_the_file_of_an_address_is_named_by_its_checksum() -> None:
    """As torchvision names its files; so a checksum with a slip of the pen is noticed."""
    for model in Registry.load():
        if model.checkpoint.url:
            assert (model.checkpoint.sha256 or "-")[:8] in model.checkpoint.url


def test_a_family_whose_licence_forbids_paid_work_is_refused_by_name() -> None:
    with pytest.raises(ModelError, match="refused: its licence forbids"):
        Registry.load().model("Lucy-Edit")
    with pytest.raises(ModelError, match="Did you mean 'wan-vace-14b'"):
        Registry.load().model("wan_vace_14")


def test_a_checkpoint_of_a_known_family_needs_no_code(places: Places) -> None:
    model = Registry.load(places.home).model("tiny")
    assert (model.family.engine, model.family.licence.name) == ("vace", "Apache-2.0")


GOOD: dict[str, Any] = yaml.safe_load(OWN)["checkpoints"][0]
NET = {**GOOD, "repository": None, "files": [], "url": "https://x/net.pth", "sha256": "0" * 64}
FAMILY: dict[str, Any] = yaml.safe_load((FAMILIES / "wan-vace.yaml").read_text())


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"extends": "wan-vase", "checkpoints": [GOOD]}, "no family 'wan-vase'"),
        ({"extends": "wan-vace", "checkpoints": []}, "at least 1"),
        ({"extends": "wan-vace", "checkpoints": [{**GOOD, "files": ["../../*"]}]}, "leads out of its folder"),
        ({"extends": "wan-vace", "checkpoints": [{**GOOD, "name": "../tiny"}]}, "pattern"),
        ({"extends": "wan-vace", "checkpoints": [{**GOOD, "repository": "../.."}]}, "pattern"),
        ({"extends": "wan-vace", "checkpoints": [{**GOOD, "revision": "../main"}]}, "pattern"),
        ({"extends": "wan-vace", "checkpoints": [{**GOOD, "url": "https://x/y"}]}, "and not both"),
        ({"extends": "wan-vace", "checkpoints": [{**GOOD, "files": []}]}, "which files"),
        ({"extends": "raft", "checkpoints": [{**NET, "sha256": None}]}, "needs the sha256"),
        ({"extends": "raft", "checkpoints": [{**NET, "url": "https://x/y/.."}]}, "names no file"),
        ({"extends": "raft", "checkpoints": [{**NET, "url": "file:///etc/passwd"}]}, "pattern"),
        ({"extends": "wan-vace", "checkpoints": [{**GOOD, "surprise": 1}]}, "Extra inputs"),
        ({"extends": "wan-vace", "checkpoints": [{**GOOD, "name": "wan-vace-14b"}]}, "Two checkpoints"),
        ({"extends": "wan-vace", "checkpoints": [{**GOOD, "parts": {"a": "gone"}}]}, "'gone', which is not known"),
        ({"extends": "wan-vace", "checkpoints": [{**GOOD, "parts": {"a": "tiny"}}]}, "'tiny', which has parts"),
        ({"extends": "wan-vace", "checkpoints": [{**GOOD, "optional": {"a": "gone"}}]}, "Correct `optional`"),
        (FAMILY, "extends: wan-vace"),
        ({**FAMILY, "family": "mine", "licence": {**FAMILY["licence"], "paid_work": False}}, "needs a reason"),
        ([1], "no YAML mapping"),
    ],
)
def test_a_file_that_cannot_be_used_is_named_with_its_fault(places: Places, values: object, why: str) -> None:
    (places.models / "own.yaml").write_text(yaml.safe_dump(values))
    with pytest.raises(ModelError, match=re.escape(why)):
        Registry.load(places.home)


def test_the_cache_of_the_hub_is_where_its_own_library_looks(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    code = "from huggingface_hub import constants; print(constants.HF_HUB_CACHE)"
    names = ("HF_HOME", "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "XDG_CACHE_HOME")
    for chosen in ({}, {"HF_HOME": "~/hf"}, {"XDG_CACHE_HOME": str(tmp_path)}, dict.fromkeys(names, "$HOME/x")):
        for name in names:
            monkeypatch.delenv(name, raising=False)
        for name, value in chosen.items():
            monkeypatch.setenv(name, value)
        child = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert str(Places.usual().hub) == child.stdout.strip(), chosen


@pytest.mark.parametrize("name", ["tiny", "Tiny-Diffusers"])
@pytest.mark.parametrize("brought", [True, False])
def test_a_folder_that_somebody_brings_is_as_good(places: Places, tmp_path: Path, name: str, brought: bool) -> None:
    folder = bring((tmp_path / "usb" if brought else places.models) / name)
    assert found_in(Places(places.home, places.hub, tmp_path / "usb" if brought else None)) == folder


def test_what_other_tools_fetched_is_found(places: Places) -> None:
    repository = places.hub / "models--reshoot--Tiny-Diffusers"
    snapshot = bring(repository / "snapshots" / ("a" * 40))
    assert isinstance(look(places), Missing), "nothing says yet that this commit is meant"
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("a" * 40)
    assert found_in(places) == snapshot


def test_nothing_is_missing_without_a_trace(places: Places) -> None:
    missing = look(places)
    assert isinstance(missing, Missing) and missing.sentence == "The weights tiny are not here."
    assert places.models / "tiny" in missing.looked and places.hub / "models--reshoot--Tiny-Diffusers" in missing.looked
    assert "python -m pipeline models fetch tiny" in missing.remedy and "10.0 MB" in missing.remedy


def test_a_missing_shard_is_named(places: Places) -> None:
    folder = bring(places.models / "tiny")
    (folder / "transformer" / SHARDS[1]).unlink()
    assert gaps(places) == (f"transformer/{SHARDS[1]}",)
    (folder / INDEX).write_text('{"weight_map": ')
    assert gaps(places) == ("transformer/a readable model.safetensors.index.json",)


def test_pickles_in_place_of_safetensors_are_named(places: Places) -> None:
    folder = bring(places.models / "tiny")
    (folder / INDEX).unlink()
    (folder / "transformer" / "config.json").write_text("{}")
    for shard in SHARDS:
        (folder / "transformer" / shard).rename(folder / "transformer" / f"{shard}.bin")
    assert (
        len(gaps(places)) == 1 and "transformer/*.safetensors" in gaps(places)[0] and "may run code" in gaps(places)[0]
    )


def test_the_file_of_an_address_must_have_the_checksum_of_the_registry(places: Places) -> None:
    """It may be a pickle, so no other content is ever loaded."""
    net = {**NET, "sha256": hashlib.sha256(b"net").hexdigest()}
    (places.models / "own.yaml").write_text(yaml.safe_dump({"extends": "raft", "checkpoints": [net]}))
    file = places.models / "tiny" / "net.pth"
    file.parent.mkdir()
    file.write_bytes(b"other")
    missing = look(places)
    assert isinstance(missing, Missing) and missing.gaps == ("net.pth with the checksum of the registry",)
    file.write_bytes(b"net")
    assert found_in(places) == file.parent


def test_a_broken_folder_does_not_hide_a_whole_one(places: Places, tmp_path: Path) -> None:
    (bring(tmp_path / "usb" / "tiny") / "model_index.json").unlink()
    whole = bring(places.models / "tiny")
    assert found_in(Places(places.home, places.hub, tmp_path / "usb")) == whole


def test_equal_files_have_equal_digests_and_others_others(places: Places) -> None:
    def digest() -> str:
        found = look(places)
        assert isinstance(found, Found)
        return found.digest

    folder = bring(places.models / "tiny")
    first = digest()
    shutil.copytree(folder, places.models / "Tiny-Diffusers")
    shutil.rmtree(folder)
    assert digest() == first
    (places.models / "Tiny-Diffusers" / "transformer" / SHARDS[0]).write_bytes(tensors(1000, b"\1"))
    assert digest() != first
    (places.models / "Tiny-Diffusers" / "README.md").write_text("not loaded")
    assert digest() != first


def test_a_checkpoint_is_here_with_all_its_parts(places: Places) -> None:
    """What it was made of is fetched, found and kept apart from others together."""
    part = {**GOOD, "name": "part", "repository": "reshoot/part", "files": ["net.safetensors"], "about_gb": 2}
    values = {"extends": "wan-vace", "checkpoints": [{**GOOD, "parts": {"net": "part"}}, part]}
    (places.models / "own.yaml").write_text(yaml.safe_dump(values))
    nothing = look(places)
    assert isinstance(nothing, Missing) and nothing.sentence == "The weights tiny are not here."
    assert [each.name for each in nothing.absent] == ["part", "tiny"] and "2.0 GB" in nothing.remedy

    bring(places.models / "tiny")
    missing = look(places)
    assert isinstance(missing, Missing) and missing.gaps == ("part",)
    assert missing.command.endswith("fetch tiny") and str(places.models / "part") in missing.remedy

    (places.models / "part").mkdir()
    net = places.models / "part" / "net.safetensors"
    net.write_bytes(tensors(10))
    whole = look(places)
    assert isinstance(whole, Found) and whole.parts["net"].path == net.parent
    before = whole.digest
    net.write_bytes(tensors(11))
    other = look(places)
    assert isinstance(other, Found) and other.digest != before


def test_a_checksum_is_computed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, digests = tmp_path / "file", iter("123")
    file.write_bytes(b"one")
    monkeypatch.setattr("pipeline.models.checksums.sha256_of", lambda path: next(digests) * 64)
    assert Checksums(tmp_path).sha256(file) == Checksums(tmp_path).sha256(file) == "1" * 64
    file.write_bytes(b"three")
    assert Checksums(tmp_path).sha256(file) == "2" * 64
    (tmp_path / "checksums.json").write_text("[")
    assert Checksums(tmp_path).sha256(file) == "3" * 64


def test_an_engine_asks_in_one_call(places: Places) -> None:
    unready = readiness("tiny", places=places)
    assert not unready.ready and "not here" in unready.reason and "models fetch tiny" in unready.remedy
    assert "no model 'tinny'" in readiness("tinny", places=places).reason
    with pytest.raises(EngineError, match="not here"):
        digests("tiny", places=places)
    folder = bring(places.models / "tiny")
    assert readiness("tiny", places=places).ready and weights("tiny", places).path == folder
    assert re.fullmatch("[0-9a-f]{64}", digests("tiny", places=places)["tiny"])


def test_looking_loads_no_library_of_models_and_no_network() -> None:
    code = "import sys, pipeline.engines.weights as w; w.readiness('wan-vace-1.3b'); print(*sys.modules)"
    child = subprocess.run([sys.executable, "-c", code], cwd=PROJECT_ROOT, capture_output=True, text=True, check=True)
    assert not set(child.stdout.split()) & {"torch", "diffusers", "transformers", "huggingface_hub", "httpx2", "numpy"}


@pytest.fixture
def run(places: Places, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    monkeypatch.setenv("HF_HUB_CACHE", str(places.hub))
    monkeypatch.delenv("RESHOOT_MODELS", raising=False)

    def run(*arguments: str, code: int = 0) -> str:
        result = CliRunner().invoke(app, [*arguments, "--home", str(places.home)], env={"COLUMNS": "160"})
        assert result.exit_code == code, result.output
        return result.output

    return run


def test_the_list_says_size_licence_and_state(places: Places, run: Callable[..., str]) -> None:
    bring(places.models / "tiny")
    said = run("list")
    line = next(line for line in said.splitlines() if line.strip().startswith("tiny"))
    assert "here" in line and "Apache-2.0" in line and "Tests." in line and "about" not in line
    assert "lucy-edit is refused: its licence" in said
    entries = {entry["name"]: entry for entry in json.loads(run("list", "--json"))}
    assert entries["tiny"]["state"] == "here" and entries["wan-vace-14b"]["state"] == "not here"
    assert entries["ltx-2"]["state"] == "refused"


def test_where_says_where_it_is_or_was_looked_for(places: Places, run: Callable[..., str], tmp_path: Path) -> None:
    assert str(places.models / "tiny") in run("where", "tiny", code=1)
    folder = bring(tmp_path / "usb" / "tiny")
    assert run("where", "tiny", "--models", str(tmp_path / "usb")) == f"tiny: {folder}\n"
    assert json.loads(run("where", "tiny", "--json", code=1))[0]["missing"] == []


def test_what_was_brought_is_checked_by_its_headers_and_never_removed(places: Places, run: Callable[..., str]) -> None:
    folder = bring(places.models / "tiny")
    assert "sound by their headers" in run("verify", "tiny")
    shard = folder / "transformer" / SHARDS[0]
    shard.write_bytes(shard.read_bytes()[:-1])
    assert SHARDS[0] in run("verify", "tiny", code=1) and shard.exists()
    refused = CliRunner().invoke(app, ["remove", "tiny", "--yes", "--home", str(places.home)])
    assert isinstance(refused.exception, ModelError) and "was not fetched by Reshoot" in str(refused.exception)
    assert shard.exists()


def test_the_volume_of_the_template_is_that_of_the_registry() -> None:
    template = json.loads((PROJECT_ROOT / "runpod" / "template.json").read_text())
    on_pods = [model.checkpoint for model in Registry.load() if model.checkpoint.on_pods]
    assert on_pods and template["volumeInGb"] == volume_gb(on_pods)
    assert volume_gb(on_pods) * GB >= WORK_GB * GB + 1.1 * sum(each.about_bytes for each in on_pods)
    assert Path(template["env"]["HF_HOME"]).is_relative_to(template["volumeMountPath"])
