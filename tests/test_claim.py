"""Shared caches that are refused at the start: a real S3 server with wrong keys, names and contents, and folders."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.buckets import KEY, NEVER, SECRET, Proxy, environment
from utils.errors import StoreError
from utils.project import PROJECT_ROOT
from utils.store.shared.claim import SIGN, claim
from utils.store.shared.objects import Objects

pytestmark = pytest.mark.slow


@pytest.fixture
def bucket(s3_endpoint: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Objects]:
    """A folder of its own in the bucket of the tests."""
    for name, value in environment(s3_endpoint).items():
        monkeypatch.setenv(name, value)
    objects = Objects(f"s3://tests/claims/{tmp_path.name}")
    yield objects
    objects.close()


def refused(location: str, *, writes: bool = True) -> str:
    """Why a place is refused."""
    objects = Objects(location, answer_s=5.0)
    try:
        with pytest.raises(StoreError) as told:
            claim(objects, writes=writes)
    finally:
        objects.close()
    assert told.value.remedy.endswith(".") and KEY not in str(told.value) and SECRET not in str(told.value)
    return str(told.value)


def test_a_new_place_is_marked_and_taken_again(bucket: Objects) -> None:
    for _ in range(2):
        claim(bucket, writes=True)
        assert [each.name for each in bucket.list("", NEVER)] == [SIGN]


def test_what_an_earlier_version_wrote_is_ours(bucket: Objects) -> None:
    for name in ("manifests/a", "blobs/b", "uses/c/d/e"):
        bucket.write(name, b"1", NEVER)
    claim(bucket, writes=True)
    assert SIGN in {each.name for each in bucket.list("", NEVER)}


@pytest.mark.parametrize("name", ["photos/2031/cat.jpg", "index.html"])
def test_a_bucket_of_another_project_is_refused_and_left_alone(bucket: Objects, name: str) -> None:
    bucket.write(name, b"theirs", NEVER)
    assert name.partition("/")[0] in refused(bucket.location)
    assert [each.name for each in bucket.list("", NEVER)] == [name]


def test_a_bucket_of_a_newer_version_is_refused(bucket: Objects) -> None:
    for said in (b'{"shared cache": 2}', b"[]", b"nothing that we know"):
        bucket.write(SIGN, said, NEVER)
        assert "another version" in refused(bucket.location)


def test_a_wrong_key_or_secret_is_refused(bucket: Objects, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", f"{SECRET}-")
    assert "denies access" in refused(bucket.location)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "nobody")
    assert "denies access" in refused(bucket.location, writes=False)
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    assert "without credentials" in refused(bucket.location)


def test_a_bucket_that_is_not_there_is_refused(bucket: Objects) -> None:
    assert "has no such bucket" in refused("s3://nowhere/reshoot")


def test_a_host_that_is_not_there_is_refused(bucket: Objects, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://nohost.invalid:9000")
    assert "host without an address" in refused(bucket.location)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    assert "cannot be reached" in refused(bucket.location)


def test_a_place_where_only_reading_is_allowed_will_not_do_for_windows(
    bucket: Objects, s3_endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy = Proxy(s3_endpoint, fault=lambda method, path: "403" if method == "PUT" else "")
    with proxy.serving() as address:
        monkeypatch.setenv("AWS_ENDPOINT_URL", address)
        assert "denies access" in refused(bucket.location, writes=True)
        reading = Objects(bucket.location)
        claim(reading, writes=False)
        reading.close()


def test_a_place_that_is_ill_is_left_to_the_runs(
    bucket: Objects, s3_endpoint: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    proxy = Proxy(s3_endpoint, fault=lambda method, path: "503")
    with proxy.serving() as address:
        monkeypatch.setenv("AWS_ENDPOINT_URL", address)
        ill = Objects(bucket.location, answer_s=3.0)
        claim(ill, writes=True)
        ill.close()
    assert "HTTP 503" in caplog.text and "goes on without it" in caplog.text and SECRET not in caplog.text


def test_folders_are_checked_as_well(tmp_path: Path) -> None:
    assert "is not there" in refused(str(tmp_path / "away"))
    (tmp_path / "disk" / "lost+found").mkdir(parents=True)
    (tmp_path / "disk" / ".hidden").write_text("")
    disk = Objects(str(tmp_path / "disk"))
    claim(disk, writes=True)
    disk.close()
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat.jpg").write_text("")
    assert "cat.jpg" in refused(str(tmp_path / "photos"))


@pytest.mark.parametrize("command", [["app.py", "--port", "0"], ["-m", "pipeline", "worker"]])
def test_whoever_starts_with_it_hears_one_sentence(bucket: Objects, tmp_path: Path, command: list[str]) -> None:
    bucket.write("cat.jpg", b"theirs", NEVER)
    said = ["--home", str(tmp_path / "home"), "--shared", bucket.location]
    child = subprocess.run([sys.executable, *command, *said], cwd=PROJECT_ROOT, capture_output=True, text=True)
    assert child.returncode == 1 and "holds what is not Reshoot's, such as 'cat.jpg'" in child.stderr
    assert "Traceback" not in child.stderr and KEY not in child.stderr and "password" not in child.stdout
    assert not (tmp_path / "home" / "jobs").exists(), "nothing was begun"
