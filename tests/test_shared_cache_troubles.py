"""A shared cache that is away, slow, full, wrong or closed: the work goes on here, and one sentence says so."""

import errno
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.buckets import KEY, SECRET, Homes, Proxy, arrived, environment
from tests.store_child import is_right, key, write
from utils.errors import StoreError
from utils.store import Entry, Store
from utils.store.entry import Origin
from utils.store.shared.objects import Objects
from utils.store.shared.opening import open_store, use_shared
from utils.store.shared.trouble import explained

pytestmark = pytest.mark.slow
PLACE = "s3://tests/homes"


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory, s3_endpoint: str) -> Iterator[str]:
    """A bucket that holds the first two results, offered by a home of its own."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment(s3_endpoint).items():
            patch.setenv(name, value)
        homes = Homes(tmp_path_factory.mktemp("filler"), PLACE)
        for number in (1, 2):
            made(filler := homes.open("filler"), number)
            arrived(filler)
        homes.close()
        yield s3_endpoint


@pytest.fixture
def proxy(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    proxy = Proxy(endpoint)
    with proxy.serving() as address:
        for name, value in environment(address).items():
            monkeypatch.setenv(name, value)
        yield proxy


@pytest.fixture
def homes(tmp_path: Path) -> Iterator[Homes]:
    homes = Homes(tmp_path, PLACE, answer_s=1.0)
    yield homes
    homes.close()


def made(store: Store, number: int) -> Entry:
    return store.get_or_make(key(number), lambda folder: write(folder, number))


def computed_here(store: Store, *numbers: int) -> list[str]:
    """Ask for results that must be computed here, and be right; returns what is told of it."""
    for number in numbers:
        with made(store, number) as entry:
            assert entry.origin is Origin.COMPUTED and is_right(entry, number)
    assert store.sharing
    store.sharing.background.flush(60)
    told = store.sharing.troubles()
    assert not any(KEY in sentence or SECRET in sentence for sentence in told)
    return told


READING = [
    ("500", "answered with an error (HTTP 500)"),
    ("403", "denies access"),
    ("hang", "did not answer within"),
    ("cut", "broke off in the middle of an answer"),
]


@pytest.mark.parametrize(("fault", "why"), READING)
def test_a_place_that_does_not_answer_rightly(homes: Homes, proxy: Proxy, fault: str, why: str) -> None:
    proxy.fault = lambda method, path: fault if method == "GET" else ""
    told = computed_here(store := homes.open("home"), 1, 2)
    (sentence,) = told
    assert sentence.startswith(f"The shared cache {PLACE} {why}") and "Results are computed here." in sentence
    assert "AWS_" in sentence, "a next step"
    proxy.fault = lambda method, path: ""
    assert store.get(key(1)), "and what was computed stays"


def test_bytes_that_change_on_their_way(homes: Homes, proxy: Proxy) -> None:
    proxy.fault = lambda method, path: "alter" if "/blobs/" in path and method == "GET" else ""
    (sentence,) = computed_here(homes.open("home"), 1, 2)
    assert "'part 0' has changed" in sentence
    proxy.fault = lambda method, path: ""
    assert made(homes.open("other"), 1).origin is Origin.SHARED


def test_a_place_that_is_slower_than_computing(homes: Homes, proxy: Proxy) -> None:
    store, seconds = homes.open("home"), iter(range(0, 100_000, 20))
    assert store.sharing
    store.sharing.tier = replace(store.sharing.tier, clock=lambda: float(next(seconds)))
    (sentence,) = computed_here(store, 1)
    assert "is slower than computing. Results are computed here." in sentence
    asked = len([line for line in proxy.asked if line.startswith("GET")])
    computed_here(store, 2)
    assert len([line for line in proxy.asked if line.startswith("GET")]) == asked, "it is left alone for a while"


def test_a_transfer_that_is_cut_leaves_nothing_behind(homes: Homes, proxy: Proxy) -> None:
    proxy.fault = lambda method, path: "cut" if "/blobs/" in path and method == "GET" else ""
    (sentence,) = computed_here(homes.open("home"), 1)
    assert "broke off" in sentence
    assert not list(homes.folder.glob("home/cache/work/*"))


@pytest.mark.parametrize(("fault", "why"), [("403", "denies access"), ("507", "is full"), ("500", "(HTTP 500)")])
def test_a_place_that_may_only_be_read(homes: Homes, proxy: Proxy, fault: str, why: str) -> None:
    """What is there is still used, without leases and marks; what is new is not offered."""
    proxy.fault = lambda method, path: fault if method in ("PUT", "POST", "DELETE") else ""
    store = homes.open("home")
    assert made(store, 1).origin is Origin.SHARED
    (sentence,) = computed_here(store, 3, 4, 5, 6)
    assert why in sentence and "Results are not offered there." in sentence
    proxy.fault = lambda method, path: ""
    assert len(homes.names("manifests")) == 2


def test_nothing_is_asked_that_only_some_servers_can(homes: Homes, proxy: Proxy) -> None:
    store = homes.open("home")
    assert made(store, 1).origin is Origin.SHARED
    assert not computed_here(store, 21)
    assert {"authorization", "range"} <= proxy.headers, "it saw all of it"
    assert not {header for header in proxy.headers if header.startswith("if-")}
    assert not [line for line in proxy.asked if line.startswith("POST")]


def test_who_may_not_delete_shares_as_well(homes: Homes, proxy: Proxy) -> None:
    proxy.fault = lambda method, path: "403" if method == "DELETE" else ""
    store = homes.open("home")
    assert made(store, 1).origin is Origin.SHARED
    assert not computed_here(store, 20)
    assert f"manifests/{key(20).digest}" in homes.names("manifests")


def test_what_could_not_be_offered_is_offered_when_it_is_used_again(homes: Homes, proxy: Proxy) -> None:
    proxy.fault = lambda method, path: "500" if method in ("PUT", "POST") else ""
    computed_here(homes.open("home"), 22)
    assert f"manifests/{key(22).digest}" not in homes.names("manifests")
    proxy.fault = lambda method, path: ""
    store = homes.open("home")
    assert made(store, 22).origin is Origin.LOCAL
    arrived(store)
    assert f"manifests/{key(22).digest}" in homes.names("manifests")


def test_what_others_have_offered_is_not_sent_again(homes: Homes, proxy: Proxy) -> None:
    made(Store(homes.folder / "home" / "cache"), 1)  # before the home shared anything
    store = homes.open("home")
    assert made(store, 1).origin is Origin.LOCAL
    arrived(store)
    assert not [line for line in proxy.asked if line.startswith("PUT") and "/blobs/" in line]
    assert store.sharing and store.sharing.uses.known(key(1).digest)


def test_what_fails_again_and_again_is_left_alone(homes: Homes, proxy: Proxy) -> None:
    proxy.fault = lambda method, path: "500"
    store = homes.open("home")
    computed_here(store, *range(10, 14))
    asked = len(proxy.asked)
    assert not computed_here(store, *range(14, 30)), "it was told once"
    assert len(proxy.asked) == asked


def test_what_was_left_alone_is_used_again(homes: Homes, proxy: Proxy) -> None:
    proxy.fault = lambda method, path: "403"
    store = homes.open("home")
    computed_here(store, 10)
    assert store.sharing
    store.sharing.tier.reads._open_until_s = 0.0  # its rest is over
    proxy.fault = lambda method, path: ""
    assert made(store, 1).origin is Origin.SHARED


def test_a_place_that_is_away(homes: Homes, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in environment("http://127.0.0.1:1").items():
        monkeypatch.setenv(name, value)
    sentences = computed_here(homes.open("home"), 1, 2)
    assert len(sentences) == 1 and "cannot be reached. Results are computed here." in sentences[0]


def test_credentials_that_are_wrong(homes: Homes, endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (environment(endpoint) | {"AWS_SECRET_ACCESS_KEY": "not-the-secret"}).items():
        monkeypatch.setenv(name, value)
    (sentence,) = computed_here(homes.open("home"), 1)
    assert "denies access. Results are computed here. Check AWS_ACCESS_KEY_ID" in sentence


def test_without_credentials_nothing_is_asked_of_anybody(homes: Homes, proxy: Proxy, monkeypatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    sentence = computed_here(homes.open("home"), 1)[0]
    assert "cannot be used without credentials" in sentence and "Set AWS_ACCESS_KEY_ID" in sentence
    assert not proxy.asked


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    homes = Homes(tmp_path, str(tmp_path / "not mounted"))
    sentence = computed_here(homes.open("home"), 1)[0]
    assert "is not there" in sentence and "mount the disk" in sentence
    assert not (tmp_path / "not mounted").exists()
    homes.close()


def test_a_folder_that_is_full() -> None:
    """Told by the number in the library's text, as on a real full disk."""
    error = explained(OSError(f"{os.strerror(errno.ENOSPC)} (os error {errno.ENOSPC})"))
    assert error.why == "is full" and error.lasting and "prune --shared" in error.remedy


@pytest.mark.parametrize("location", ["", "http://place/x", f"s3://{KEY}:{SECRET}@bucket/x", "s3://", "s3://b?x=1"])
def test_what_is_no_place_is_refused_at_once(location: str) -> None:
    with pytest.raises(StoreError) as refusal:
        Objects(location)
    assert SECRET not in str(refusal.value) and "s3://BUCKET/PREFIX" in str(refusal.value)


def test_the_environment_names_the_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert open_store(tmp_path).sharing is None
    monkeypatch.setenv("RESHOOT_SHARED", "ftp://place")
    with pytest.raises(StoreError):
        use_shared(None)
    use_shared(str(tmp_path / "shared"))
    sharing = open_store(tmp_path, owner="job-1").sharing
    assert sharing and sharing.tier.location == str(tmp_path / "shared") and sharing.owner == "job-1"
