"""Workers in networks of their own, from which nothing can be reached but the database and the bucket."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from pipeline.jobs.job import State
from tests.buckets import Proxy, environment
from tests.cables import Cable
from tests.journeys import QUICK, bench, filmed, finished, journey, same
from tests.workers import House, house
from utils.home import cache_folder
from utils.store import Store
from utils.walker import Shot

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("ip"), reason="networks can be made by root, with `ip`"),
]

CONNECTED, LISTENS = "01", "0A"


@dataclass(frozen=True)
class Network:
    """A network namespace, and the two ends of the one wire that leads out of it."""

    name: str
    outside: str
    inside: str

    @property
    def within(self) -> tuple[str, ...]:
        """The command that starts a program in it."""
        return ("ip", "netns", "exec", self.name)

    @property
    def sockets(self) -> list[str]:
        """The states of the TCP sockets in it, as the kernel names them."""
        lines = said(*self.within, "cat", "/proc/net/tcp", "/proc/net/tcp6").splitlines()
        return [line.split()[3] for line in lines if "local_address" not in line]


def said(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@contextmanager
def network(number: int) -> Iterator[Network]:
    """A namespace with one wire to this machine, and no way on from there."""
    name, wire = f"reshoot{os.getpid()}-{number}", f"rs{os.getpid() % 100_000}-{number}"
    made = Network(name, f"10.213.{number}.1", f"10.213.{number}.2")
    try:
        said("ip", "netns", "add", name)
        said("ip", "link", "add", f"{wire}o", "type", "veth", "peer", "name", f"{wire}i", "netns", name)
    except subprocess.CalledProcessError as error:
        subprocess.run(["ip", "netns", "del", name], capture_output=True)
        pytest.skip(f"no network can be made here: {error.stderr.strip()}")
    try:
        said("ip", "addr", "add", f"{made.outside}/24", "dev", f"{wire}o")
        said("ip", "link", "set", f"{wire}o", "up")
        said(*made.within, "ip", "addr", "add", f"{made.inside}/24", "dev", f"{wire}i")
        said(*made.within, "ip", "link", "set", f"{wire}i", "up")
        yield made
    finally:
        said("ip", "netns", "del", name)  # and the wire with it


@contextmanager
def pod(home: Path, url: str, s3_endpoint: str, number: int) -> Iterator[tuple[House, Network]]:
    """A home whose worker reaches the database and the bucket over its one wire."""
    socket = Path(parse_qs(urlsplit(url).query)["host"][0]) / ".s.PGSQL.5432"
    with network(number) as made, Proxy(s3_endpoint).serving(made.outside) as endpoint:
        cable = Cable(str(socket), made.outside)
        env = {**environment(endpoint), "RESHOOT_SHARED": "s3://tests/apart"}
        try:
            with house(home, opened=False, database=url, **env) as opened:  # type: ignore[arg-type]
                opened.within = made.within
                opened.reached = f"postgresql://postgres:@{made.outside}:{cable.port}{urlsplit(url).path}"
                yield opened, made
        finally:
            cable.close()


def test_a_worker_needs_the_database_and_the_bucket_and_no_port_is_open(
    tmp_path: Path, s3_endpoint: str, postgres: Callable[[], str]
) -> None:
    url, clip = postgres(), filmed(tmp_path, Shot(size=(320, 180), frames=90))
    with ExitStack() as opened:
        pods = [opened.enter_context(pod(tmp_path / f"{each}", url, s3_endpoint, each)) for each in (1, 2)]
        for number, (each, _) in reversed([*enumerate(pods)]):
            each.open(f"pod{number}")
        first = pods[0][0]
        first.until(lambda: len(first.living()) == 2, "signs of both workers")
        job = first.ended(first.submit(clip, **QUICK))
        assert job.state is State.DONE, job.problem
        for each, made in pods:
            assert CONNECTED in made.sockets and LISTENS not in made.sockets
            stages = Store(cache_folder(each.home)).stats().stages
            assert sum(stage.figures.misses for name, stage in stages.items() if name.startswith("make with"))
        assert same(first.result(job.id), finished(journey(clip, bench(tmp_path / "cache"))))
