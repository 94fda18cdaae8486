"""Fetching models from a hub on this machine: by consent, whole or not at all, and on from where it was cut off."""

import hashlib
import os
import pty
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from pipeline.models.finding import Found, Missing
from pipeline.models.lock_file import LockFile
from tests.disks import fill, resize, small_disk
from tests.fetching import PATIENCE_S, Machine
from tests.hub import Fault, serving
from tests.tiny_model import FIRST, MIB, SECOND, SHARD_1, SHARD_2, YAML, tiny_hub
from utils.project import PROJECT_ROOT

pytestmark = pytest.mark.slow

TOKEN = "hf_secret_of_the_environment"


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    home = tmp_path / "home"
    with serving(tiny_hub(home)) as hub:
        yield Machine(hub, home, tmp_path / "cache")


def test_a_fetch_says_what_it_brings_and_brings_exactly_that(machine: Machine) -> None:
    said = machine.fetch()
    for each in ("reshoot/tiny", FIRST, "17.8 MB in 5 files", "Apache-2.0, paid work is allowed", str(machine.folder)):
        assert each in said, each
    machine.check(FIRST)
    lock = LockFile.read(machine.folder / "tiny.reshoot.lock.json")
    assert lock and {file.path: file.sha256 for file in lock.files}[SHARD_1] == (
        hashlib.sha256(machine.hub.commits[FIRST][SHARD_1]).hexdigest()
    )


def test_the_tools_of_the_hub_find_it_too(machine: Machine) -> None:
    machine.fetch()
    code = "from huggingface_hub import hf_hub_download as get; print(get('reshoot/tiny', {!r}, revision={!r}))"
    asked = machine.hub.downloads()
    child = subprocess.run([sys.executable, "-c", code.format(SHARD_1, FIRST)], env=machine.environment(),
                           capture_output=True, text=True, check=True)  # fmt: skip
    assert Path(child.stdout.strip()) == machine.found().path / SHARD_1
    assert machine.hub.downloads() == asked


def test_without_consent_no_byte_of_weights_moves(machine: Machine) -> None:
    said = machine.run("fetch", "tiny", code=1)
    assert "17.8 MB" in said and "nobody is here to be asked" in said and "--yes" in said
    assert not machine.hub.downloads() and not machine.cache.exists()


@pytest.mark.parametrize(("answer", "state"), [(b"n\n", Missing), (b"y\n", Found)])
def test_at_a_terminal_it_asks_before_anything_moves(machine: Machine, answer: bytes, state: type) -> None:
    ours, theirs = pty.openpty()
    command, said = [sys.executable, "-m", "pipeline", "models", "fetch", "tiny"], b""
    child = subprocess.Popen(
        command, cwd=PROJECT_ROOT, env=machine.environment(), stdin=theirs, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    while b"Fetch tiny? [y/N]" not in said:
        said += os.read(ours, 1000)
    assert b"17.8 MB" in said and not machine.hub.downloads()
    os.write(ours, answer)
    with suppress(OSError):  # the end of a terminal
        while os.read(ours, 1000):
            pass
    assert child.wait(PATIENCE_S) == (state is Missing) and isinstance(machine.find(), state)
    os.close(ours)


def test_what_is_here_is_not_asked_for_again(machine: Machine) -> None:
    machine.fetch()
    asked = len(machine.hub.requests)
    assert "here already" in machine.fetch()
    assert "tiny" in machine.run("list") and "sound" in machine.run("verify", "tiny")
    assert len(machine.hub.requests) == asked


def test_a_model_is_fetched_with_its_parts_after_one_consent(machine: Machine) -> None:
    """Also later, when only a part is gone."""
    (machine.home / "models" / "both.yaml").write_text(
        YAML.replace("tiny\n    good", "both\n    good").replace(
            "[model_index.json, transformer/*.json, transformer/*.safetensors]", "[README.md]"
        )
        + "    parts: {other: tiny}\n"
    )
    said = machine.run("fetch", "both", "--yes")
    assert "17.8 MB in 5 files, and 6 bytes in 1 files" in said and said.count(FIRST) >= 2 and "both is here" in said
    assert "tiny: sound" in (verified := machine.run("verify", "both")) and "both: sound" in verified
    machine.run("remove", "tiny", "--yes")
    assert "weights both some are missing: tiny" in machine.run("where", "both", code=1)
    said = machine.run("fetch", "both", "--yes")
    assert "17.8 MB in 5 files" in said and "in 1 files" not in said
    machine.check(FIRST)


def test_what_another_checkpoint_of_the_repository_needs_stays(machine: Machine) -> None:
    own = YAML.replace("tiny\n    good", "half\n    good").replace("transformer/*.safetensors", SHARD_2)
    (machine.home / "models" / "half.yaml").write_text(own)
    machine.fetch()
    machine.run("fetch", "half", "--yes")
    assert "Removed tiny, 16.8 MB" in machine.run("remove", "tiny", "--yes")
    assert "half: sound" in machine.run("verify", "half") and isinstance(machine.find(), Missing)
    machine.run("remove", "half", "--yes")
    assert not list(machine.folder.rglob("*.safetensors")) and not list((machine.folder / "blobs").glob("*"))


def test_a_line_that_breaks_is_resumed(machine: Machine) -> None:
    machine.hub.faults[SHARD_1] = Fault(cut_at=[3 * MIB + 5, 2 * MIB])
    machine.fetch()
    machine.check(FIRST)
    starts, size = machine.hub.starts(SHARD_1), len(machine.hub.commits[FIRST][SHARD_1])
    assert len(starts) == 3 and 2 * MIB <= starts[1] <= 3 * MIB + 5 and starts[2] > starts[1]
    assert machine.hub.sent[SHARD_1] <= size + 2 * MIB


def test_a_server_that_cannot_resume_sends_everything_again(machine: Machine) -> None:
    machine.hub.faults[SHARD_1] = Fault(cut_at=[3 * MIB], no_range=True)
    machine.fetch()
    machine.check(FIRST)


def test_a_killed_fetch_goes_on_where_it_was(machine: Machine) -> None:
    reached, go = threading.Event(), threading.Event()

    def stop() -> None:
        reached.set()
        go.wait(PATIENCE_S)

    machine.hub.faults[SHARD_1] = Fault(on_byte=(14 * MIB, stop))
    child = machine.start("fetch", "tiny", "--yes")
    assert reached.wait(PATIENCE_S)
    while arrived_bytes(machine) < 3 * MIB:  # the rest may be on its way still
        time.sleep(0.05)
    child.send_signal(signal.SIGKILL)
    child.communicate()
    go.set()
    kept = arrived_bytes(machine)
    assert isinstance(machine.find(), Missing) and "partly here" in machine.run("list")
    machine.fetch()
    machine.check(FIRST)
    assert machine.hub.starts(SHARD_1) == [0, kept] and kept >= 3 * MIB


def arrived_bytes(machine: Machine) -> int:
    """How much has arrived of the file that is under way."""
    return sum(part.stat().st_size for part in machine.folder.rglob("*part"))


def test_content_that_is_not_what_the_hub_says_is_removed(machine: Machine) -> None:
    content = bytearray(machine.hub.commits[FIRST][SHARD_2])
    content[-1] ^= 1
    machine.hub.faults[SHARD_2] = Fault(content=bytes(content))
    said = machine.fetch(code=1)
    assert SHARD_2 in said and "checksum differs" in said and "removed" in said
    assert isinstance(machine.find(), Missing) and not list(machine.folder.rglob("*part"))
    machine.hub.faults.clear()
    machine.fetch()
    machine.check(FIRST)


def test_damaged_content_of_another_tool_is_fetched_anew(machine: Machine) -> None:
    content = machine.hub.commits[FIRST][SHARD_2]
    blob = machine.folder / "blobs" / hashlib.sha256(content).hexdigest()
    blob.parent.mkdir(parents=True)
    blob.write_bytes(bytes(len(content)))
    machine.fetch()
    machine.check(FIRST)


def test_a_small_file_is_checked_too(machine: Machine) -> None:
    machine.hub.faults["model_index.json"] = Fault(content=b'{"_class_name": "Evil"}')
    assert "checksum differs" in machine.fetch(code=1)
    assert isinstance(machine.find(), Missing)


def test_less_than_was_announced_is_not_taken_for_the_whole(machine: Machine) -> None:
    machine.hub.faults[SHARD_2] = Fault(content=machine.hub.commits[FIRST][SHARD_2][:-7])
    said = machine.fetch(code=1)
    assert "part of" in said and isinstance(machine.find(), Missing)


@pytest.mark.parametrize(("status", "code"), [(403, "GatedRepo"), (401, ""), (403, "")])
def test_a_gated_repository_names_the_page_of_its_licence(machine: Machine, status: int, code: str) -> None:
    machine.hub.status, machine.hub.error_code = status, code
    said = machine.fetch(code=1, HF_TOKEN=TOKEN)
    assert f"Accept its licence on {machine.hub.url}/reshoot/tiny" in said and "HF_TOKEN" in said
    assert TOKEN not in said


def test_what_is_not_there_is_said(machine: Machine) -> None:
    machine.hub.main = "3" * 40
    assert "There is no reshoot/tiny" in machine.fetch(code=1)
    machine.hub.status = 500
    assert "answered 500" in machine.fetch(code=1)


def test_the_token_goes_to_the_hub_alone_and_comes_from_the_environment(machine: Machine) -> None:
    machine.cache.mkdir()
    (machine.cache / "token").write_text("hf_secret_of_a_file")
    assert "hf_secret" not in machine.fetch()
    assert {request[3] for request in machine.hub.requests} == {""}
    machine.run("remove", "tiny", "--yes")
    machine.hub.requests.clear()
    assert TOKEN not in machine.fetch(HF_TOKEN=TOKEN)
    by_host = {
        host: {each[3] for each in machine.hub.requests if each[0] == host} for host in ("127.0.0.1", "localhost")
    }
    assert by_host == {"127.0.0.1": {f"Bearer {TOKEN}"}, "localhost": {""}}


def test_offline_it_asks_nothing(machine: Machine) -> None:
    said = machine.fetch(code=1, HF_HUB_OFFLINE="1")
    assert "HF_HUB_OFFLINE is set" in said and not machine.hub.requests


def test_a_hub_that_is_away_is_one_sentence(machine: Machine) -> None:
    said = machine.fetch(code=1, HF_ENDPOINT="http://127.0.0.1:9")
    assert "could not be reached" in said


def test_a_disk_without_room_is_said_before_anything_moves(machine: Machine) -> None:
    with small_disk(machine.cache, 15 * MIB):
        said = machine.fetch(code=1)
        assert str(machine.cache) in said and "Free or add" in said and "HF_HOME" in said
        assert not machine.hub.downloads()


def test_a_disk_that_fills_up_keeps_what_has_arrived(machine: Machine) -> None:
    with small_disk(machine.cache, 200 * MIB) as disk:
        machine.hub.faults[SHARD_1] = Fault(on_byte=(3 * MIB, lambda: fill(disk)))
        said = machine.fetch(code=1)
        assert "Free or add" in said and str(disk) in said
        resize(disk, 400 * MIB)
        machine.fetch()
        machine.check(FIRST)
        assert machine.hub.starts(SHARD_1)[-1] >= MIB


def test_two_fetches_at_once_fetch_once(machine: Machine) -> None:
    children = [machine.start("fetch", "tiny", "--yes") for _ in range(2)]
    for child in children:
        out, err = child.communicate(timeout=PATIENCE_S)
        assert child.returncode == 0, out + err
    machine.check(FIRST)
    assert all(machine.hub.sent[path] == len(machine.hub.commits[FIRST][path]) for path in (SHARD_1, SHARD_2))


def test_the_commit_of_the_first_fetch_stays_until_a_newer_one_is_asked_for(machine: Machine) -> None:
    machine.fetch()
    machine.hub.main = SECOND
    (machine.found().path / SHARD_1).resolve().unlink()
    machine.fetch()
    machine.check(FIRST)
    said = machine.run("fetch", "tiny", "--yes", "--newer")
    assert SECOND in said
    machine.check(SECOND)
    assert machine.hub.sent[SHARD_2] == len(machine.hub.commits[FIRST][SHARD_2]), "both commits share it"
    old = hashlib.sha256(machine.hub.commits[FIRST][SHARD_1]).hexdigest()
    assert not (machine.folder / "blobs" / old).exists() and not (machine.folder / "snapshots" / FIRST).exists()
    assert "latest version already" in machine.run("fetch", "tiny", "--yes", "--newer")


def test_what_is_damaged_is_found_and_fetched_alone(machine: Machine) -> None:
    machine.fetch()
    content = (machine.found().path / SHARD_2).resolve()
    whole = content.read_bytes()
    content.write_bytes(b"x" + whole[1:])
    assert f"damaged: {SHARD_2}" in machine.run("verify", code=1)
    assert isinstance(machine.find(), Missing)
    machine.hub.sent.clear()
    machine.fetch()
    machine.check(FIRST)
    assert dict(machine.hub.sent) == {SHARD_2: len(whole)}


def test_removing_leaves_what_others_hold(machine: Machine) -> None:
    machine.fetch()
    other = machine.folder / "snapshots" / SECOND / SHARD_2
    other.parent.mkdir(parents=True)
    other.symlink_to((machine.found().path / SHARD_2).resolve())
    assert "16.8 MB" in machine.run("remove", "tiny", "--yes")
    assert other.read_bytes() == machine.hub.commits[FIRST][SHARD_2]
    assert isinstance(machine.find(), Missing) and not (machine.folder / "snapshots" / FIRST).exists()
    assert "is not here" in machine.run("remove", "tiny", "--yes", code=1)


def test_a_fetch_that_was_cut_off_can_be_removed(machine: Machine) -> None:
    machine.hub.faults[SHARD_1] = Fault(content=machine.hub.commits[FIRST][SHARD_1][:-7])
    machine.fetch(code=1)
    assert list(machine.folder.rglob("*part"))
    machine.run("remove", "tiny", "--yes")
    assert not list(machine.folder.rglob("*part"))


def test_pickles_are_refused(machine: Machine) -> None:
    (machine.home / "models" / "tiny.yaml").write_text(YAML.replace("transformer/*.safetensors", "transformer/*"))
    said = machine.fetch(code=1)
    assert "transformer/model.bin" in said and "may run code" in said and not machine.hub.downloads()


def test_a_file_that_is_only_named_like_a_pickle_is_fetched_where_the_registry_says_so(machine: Machine) -> None:
    allowed = YAML.replace("transformer/*.safetensors]", "transformer/*.safetensors, transformer/model.bin]")
    (machine.home / "models" / "tiny.yaml").write_text(f"{allowed}    no_pickles: [transformer/model.bin]\n")
    machine.fetch()
    assert (machine.found().path / "transformer/model.bin").read_bytes() == b"pickle" * 5000


@pytest.mark.parametrize("path", ["transformer/../../../../evil.json", "/evil.json"])
def test_a_hub_cannot_write_elsewhere(machine: Machine, path: str) -> None:
    machine.hub.commits[FIRST][path] = b"{}"
    (machine.home / "models" / "tiny.yaml").write_text(YAML.replace("transformer/*.json", '"*.json"'))
    said = machine.fetch(code=1)
    assert "cannot be used" in said and not machine.hub.downloads()


def test_a_pattern_without_a_file_is_said(machine: Machine) -> None:
    (machine.home / "models" / "tiny.yaml").write_text(YAML.replace("model_index.json", "vae/*.safetensors"))
    assert "vae/*.safetensors" in machine.fetch(code=1) and not machine.hub.downloads()


def single(machine: Machine, sha256: str) -> None:
    """A checkpoint that is one file of another server."""
    (machine.home / "models" / "net.yaml").write_text(
        "extends: raft\ncheckpoints:\n"
        "  - {name: net, good_for: Tests., about_gb: 0.001, card_gb: 0,\n"
        f"     url: '{machine.hub.url}/files/net.pth', sha256: '{sha256}'}}\n"
    )
    machine.hub.files["net.pth"] = b"net" * MIB


def test_a_single_file_is_fetched_into_the_home(machine: Machine) -> None:
    single(machine, hashlib.sha256(b"net" * MIB).hexdigest())
    machine.hub.faults["net.pth"] = Fault(cut_at=[2 * MIB])
    machine.run("fetch", "net", "--yes", HF_TOKEN=TOKEN)
    assert (machine.home / "models" / "net" / "net.pth").read_bytes() == b"net" * MIB
    assert {request[3] for request in machine.hub.requests} == {""}, "the token is for the hub"
    assert "here already" in machine.run("fetch", "net", "--yes")
    assert "3.1 MB" in machine.run("remove", "net", "--yes")
    assert not (machine.home / "models" / "net").exists()


def test_a_single_file_must_be_the_one_that_the_registry_names(machine: Machine) -> None:
    single(machine, "0" * 64)
    assert "checksum differs" in machine.run("fetch", "net", "--yes", code=1)
    assert not (machine.home / "models" / "net" / "net.pth").exists()
