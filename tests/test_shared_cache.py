"""Homes that share a cache, in a folder and in a bucket of a real S3 server: what one has computed, others need not."""

import json
import os
import threading
from collections.abc import Iterator
from datetime import timedelta
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from tests.buckets import NEVER, Homes, arrived, environment
from tests.store_child import is_right, key, write
from utils.digest import digest_bytes
from utils.errors import Cancelled
from utils.flow import Flow
from utils.flow.flow_file import HEAD_BYTES, FlowFile, FlowHeader, FlowWriter, encoded
from utils.media.timebase import Span
from utils.progress import Cancel
from utils.size import Size
from utils.store import Entry, Store
from utils.store.entry import Origin
from utils.store.manifest import Blob, Manifest
from utils.store.shared.objects import Listed, Objects
from utils.store.shared.prune import Limits, Pruned, prune
from utils.store.shared.uses import Uses
from utils.store.shared.worth import EVERYTHING, Worth

pytestmark = pytest.mark.slow
AT_ONCE = Limits(grace=timedelta(seconds=-5))
"""Prunes what is new, too; the clocks of places count in seconds."""


@pytest.fixture(params=["folder", "bucket"])
def homes(
    request: pytest.FixtureRequest, tmp_path: Path, s3_endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Homes]:
    for name, value in environment(s3_endpoint).items():
        monkeypatch.setenv(name, value)
    (tmp_path / "shared").mkdir()
    place = (
        str(tmp_path / "shared") if request.param == "folder" else f"s3://tests/{digest_bytes(bytes(tmp_path))[:12]}"
    )
    homes = Homes(tmp_path, place)
    yield homes
    homes.close()


def made(store: Store, number: int, size: int = 2000) -> Entry:
    """A numbered entry, as it comes from a store."""
    return store.get_or_make(key(number), lambda folder: write(folder, number, size))


def troubles(store: Store) -> list[str]:
    """What a run would tell of the shared cache."""
    assert store.sharing
    return store.sharing.troubles()


def pruned(store: Store, limits: Limits = AT_ONCE) -> Pruned:
    """Prune the place that a home shares."""
    assert store.sharing
    return prune(store.sharing.tier, store.sharing.uses, limits)


def test_what_one_home_computed_another_takes(homes: Homes) -> None:
    first, second = homes.open("first"), homes.open("second")
    assert made(first, 1, 9_000_000).origin is Origin.COMPUTED
    arrived(first)
    with made(second, 1, 9_000_000) as entry:
        assert entry.origin is Origin.SHARED and entry.hit and is_right(entry, 1, 9_000_000)
    assert made(second, 1, 9_000_000).origin is Origin.LOCAL
    assert not [verdict for verdict in second.verify() if verdict.problem]
    arrived(second)
    did, took = (store.stats().stages["counted"].figures for store in (first, second))
    assert (did.misses, did.offered, did.offered_bytes) == (1, 1, 27_000_000)
    assert (took.misses, took.shared_hits, took.hits, took.fetched_bytes) == (0, 1, 1, 27_000_000)
    assert took.shared_spared_s == did.computed_s and took.hit_rate == 1
    assert len(homes.names("manifests")) == 1 and len(homes.names("blobs")) == 3 and not homes.names("leases")
    assert not troubles(first) + troubles(second)


def test_what_is_not_worth_it_is_neither_offered_nor_fetched(homes: Homes) -> None:
    arrived_at, careful = homes.open("first"), homes.open("second", Worth())
    made(arrived_at, 1)
    arrived(arrived_at)
    assert made(careful, 1).origin is Origin.COMPUTED, "it takes less time than fetching it"
    assert made(careful, 2).origin is Origin.COMPUTED
    arrived(careful)
    assert len(homes.names("manifests")) == 1


def test_two_homes_that_offer_the_same_do_no_harm(homes: Homes) -> None:
    stores = [homes.open("first"), homes.open("second")]
    for store in stores:
        made(store, 1)
    for store in stores:
        arrived(store)
    assert made(homes.open("third"), 1).origin is Origin.SHARED


@pytest.mark.parametrize("harm", ["altered", "short", "missing", "edited", "foreign", "hostile"])
def test_what_is_damaged_is_never_used_and_is_replaced(homes: Homes, harm: str) -> None:
    first = homes.open("first")
    made(first, 1)
    made(first, 2)
    arrived(first)
    objects = Objects(homes.location)
    _harm(objects, harm)
    second = homes.open("second")
    with made(second, 1) as entry:
        assert entry.origin is Origin.COMPUTED and is_right(entry, 1)
    (sentence,) = troubles(second)
    assert "the result of 'counted' is damaged" in sentence and "offered again" in sentence
    arrived(second)
    assert not list(homes.folder.glob("*/cache/work/*")) and not list(homes.folder.rglob("escaped"))
    assert made(homes.open("third"), 1).origin is Origin.SHARED, "the offer of the second home mended it"
    objects.close()


def _harm(objects: Objects, harm: str) -> None:
    """Do something to the first result."""
    place = f"manifests/{key(1).digest}"
    content = objects.read(place, NEVER)
    manifest = Manifest.from_bytes(content)
    digest = manifest.blobs["part 1"].digest
    blob = objects.read(f"blobs/{digest}", NEVER)
    if harm == "altered":
        objects.write(f"blobs/{digest}", bytes([blob[0] ^ 1]) + blob[1:], NEVER)
    elif harm == "short":
        objects.write(f"blobs/{digest}", blob[:-1], NEVER)
    elif harm == "missing":
        objects.remove(f"blobs/{digest}", NEVER)
    elif harm == "edited":
        objects.write(place, content.replace(b'"seconds"', b'"second5"'), NEVER)
    elif harm == "foreign":
        objects.write(place, objects.read(f"manifests/{key(2).digest}", NEVER), NEVER)
    else:
        hostile = Manifest.of(key(1), {"../../escaped": Blob(2000, digest)}, 1.0)
        objects.write(place, hostile.to_bytes(), NEVER)


def test_a_cancelled_run_does_not_wait_for_a_fetch(homes: Homes) -> None:
    first, cancel = homes.open("first"), Cancel()
    made(first, 1)
    arrived(first)

    class Endless(Objects):
        def read(self, name: str, cancel: Cancel, *, start: int = 0, most_bytes: int = 1 << 23) -> bytes:
            if name.startswith("blobs/"):
                cancel.ask()
            return super().read(name, cancel, start=start, most_bytes=most_bytes)

    second = homes.open("second", objects=Endless(homes.location))
    with pytest.raises(Cancelled):
        second.get_or_make(key(1), lambda folder: write(folder, 1), cancel)
    assert not second.holds(key(1)) and not list(homes.folder.glob("second/cache/work/*"))


def test_a_removed_job_no_longer_keeps_its_results(homes: Homes) -> None:
    one, other = homes.open("first", owner="job-1"), homes.open("second", owner="job-2")
    for number in (1, 2):
        made(one, number)
    arrived(one)
    made(other, 2)
    arrived(other)
    assert pruned(one).results == 0
    Uses(homes.folder / "first" / "cache").release("job-1")
    assert pruned(one).results == 1, "the second result is still used by the other home's job"
    assert made(homes.open("third"), 2).origin is Origin.SHARED
    assert made(homes.open("fourth"), 1).origin is Origin.COMPUTED


def test_the_next_run_of_a_home_forgets_removed_jobs_by_itself(homes: Homes) -> None:
    one = homes.open("first", owner="job-1")
    made(one, 1)
    arrived(one)
    assert len(homes.names("uses")) == 1
    Uses(homes.folder / "first" / "cache").release("job-1")
    arrived(homes.open("first", owner="job-3"))
    assert not homes.names("uses")


def test_a_use_is_noted_once_a_day(homes: Homes) -> None:
    first = homes.open("first", owner="job-1")
    for _ in range(3):
        made(first, 1)
    arrived(first)
    (use,) = homes.names("uses")
    objects = Objects(homes.location)
    objects.remove(use, NEVER)
    made(first, 1)
    arrived(first)
    assert not homes.names("uses"), "noted less than a day ago, as far as this home knows"
    made(homes.open("first", owner="job-2"), 1)
    arrived(homes.open("first", owner="job-2"))
    objects.close()


def test_what_is_read_is_not_pruned(homes: Homes) -> None:
    first = homes.open("first")
    made(first, 1)
    arrived(first)
    reader = _Reader(homes)
    gone = pruned(first, Limits(bytes=0, grace=AT_ONCE.grace))
    assert (gone.results, gone.blobs) == (0, 0)
    assert reader.result() is Origin.SHARED
    assert pruned(first, Limits(bytes=0, grace=AT_ONCE.grace)).results == 1
    assert not homes.names("manifests") | homes.names("blobs") | homes.names("uses")


def test_a_reader_that_comes_while_results_are_chosen_keeps_the_files(homes: Homes) -> None:
    first = homes.open("first")
    made(first, 1)
    arrived(first)
    reader = _Reader(homes)

    class Early(Objects):
        """Lists the leases before the reader had one, and all else as it is."""

        early = True

        def list(self, folder: str, cancel: Cancel) -> list[Listed]:
            early, self.early = self.early and folder == "leases", self.early and folder != "leases"
            return [] if early else super().list(folder, cancel)

    pruner = homes.open("pruner", objects=Early(homes.location))
    gone = pruned(pruner, Limits(bytes=0, grace=AT_ONCE.grace))
    assert (gone.results, gone.blobs) == (1, 0)
    assert reader.result() is Origin.SHARED, "its manifest went, its files stayed"
    assert pruned(first).blobs == 3


class _Reader:
    """A home that fetches the first result, and waits in the middle of it until its result is asked for."""

    def __init__(self, homes: Homes) -> None:
        self._go, reached = threading.Event(), threading.Event()
        go = self._go

        class Slow(Objects):
            def read(self, name: str, cancel: Cancel, *, start: int = 0, most_bytes: int = 1 << 23) -> bytes:
                if name.startswith("blobs/"):
                    reached.set()
                    go.wait(60)
                return super().read(name, cancel, start=start, most_bytes=most_bytes)

        store = homes.open("reader", objects=Slow(homes.location))
        self._origins: list[Origin] = []
        self._thread = threading.Thread(target=lambda: self._origins.append(made(store, 1).origin))
        self._thread.start()
        assert reached.wait(60)

    def result(self) -> Origin:
        self._go.set()
        self._thread.join()
        return self._origins[0]


def test_an_upload_under_way_is_not_pruned(homes: Homes) -> None:
    first = homes.open("first")
    objects = Objects(homes.location)
    objects.write(f"blobs/{digest_bytes(b'x')}", b"x", NEVER)
    assert pruned(first, Limits(bytes=0)).blobs == 0, "its manifest comes last"
    assert pruned(first).blobs == 1
    objects.close()


def test_the_least_recently_used_go_until_the_rest_fits(homes: Homes) -> None:
    first = homes.open("first")
    for number in (1, 2, 3):
        made(first, number)
        arrived(first)
    if not homes.location.startswith("s3://"):  # the clock of a bucket counts in seconds: there all are of one age
        for age, number in enumerate((3, 1, 2)):
            for path in Path(homes.location).glob(f"*/**/{key(number).digest}"):
                os.utime(path, (1e9 - 1000 * age, 1e9 - 1000 * age))
    gone = pruned(first, Limits(bytes=6000, grace=AT_ONCE.grace))
    assert (gone.results, gone.bytes, gone.left_bytes) == (2, 12_000, 6000)
    if not homes.location.startswith("s3://"):
        assert homes.names("manifests") == {f"manifests/{key(3).digest}"}
        assert pruned(first, Limits(older=timedelta(days=30))).results == 1


def test_all_shared_figures_start_at_nothing(homes: Homes) -> None:
    """A home of an earlier version has counts without them."""
    first = homes.open("first", EVERYTHING)
    made(first, 1)
    path = homes.folder / "first" / "cache" / "tally.json"
    later = ("shared", "offered", "fetched", "ahead")
    counts = {
        stage: {name: count for name, count in figures.items() if not name.startswith(later)}
        for stage, figures in json.loads(path.read_text()).items()
    }
    assert len(counts["counted"]) == 9
    path.write_text(json.dumps(counts))
    assert first.stats().stages["counted"].figures.misses == 1


def test_a_slice_of_flow_is_read_from_the_place_without_the_rest(homes: Homes, tmp_path: Path) -> None:
    size, path = Size(64, 48), tmp_path / "forward.flow"
    rough = np.random.default_rng(2).normal(size=(48, 64, 2)).astype(np.float32)
    chunks = [encoded(Flow(rough * number, np.ones((48, 64), bool), 0, 1)) for number in range(8)]
    with FlowWriter(path, FlowHeader("ab" * 32, size, size, Fraction(24), 0, 200, 1, "made up")) as file:
        for number in range(200):
            file.add(chunks[number % 8])
    sharing = homes.open("one").sharing
    assert sharing
    objects, name = sharing.tier.objects, "blobs/" + digest_bytes(path.read_bytes())
    objects.write(name, path, Cancel())
    read: list[int] = []

    def ranged(start: int, stop: int) -> bytes:
        part = objects.read(name, Cancel(), start=start, most_bytes=stop - start)
        read.append(len(part))
        return part

    back = list(FlowFile(ranged).flows(Span(100, 110)))
    assert all(np.abs(flow.vectors - rough * (flow.source % 8)).max() <= 1 / 32 + 1e-4 for flow in back)
    assert sum(read) <= 1.2 * sum(len(chunks[number % 8]) for number in range(100, 110)) + HEAD_BYTES
    assert len(back) == 10 and sum(read) < path.stat().st_size / 4
