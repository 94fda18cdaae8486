"""Real runs of homes that share a bucket: what is in it is not computed again, and without it they go on alone."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.jobs.job import State
from pipeline.jobs.order import Order
from pipeline.jobs.results import Results
from pipeline.result.names import CLIP
from pipeline.see.open_clip import open_clip
from pipeline.stage import RunContext
from pipeline.steady.kind import KIND
from pipeline.steady.story import SteadyClip, steady
from tests.buckets import KEY, SECRET, Homes, arrived, environment
from tests.journeys import filmed
from tests.workers import house
from utils.guarded_child import environment as of_children
from utils.progress import Progress
from utils.project import PROJECT_ROOT
from utils.store.manifest import Manifest
from utils.store.shared.uses import Uses
from utils.store.shared.worth import Worth
from utils.walker import Shot

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return filmed(tmp_path_factory.mktemp("clip"), Shot(size=(320, 180), frames=16))


@pytest.fixture
def homes(tmp_path: Path, s3_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Homes]:
    for name, value in environment(s3_endpoint).items():
        monkeypatch.setenv(name, value)
    homes = Homes(tmp_path, f"s3://tests/runs/{tmp_path.name}")
    yield homes
    homes.close()


def steadied(homes: Homes, name: str, clip: Path) -> tuple[SteadyClip, list[Progress]]:
    """A real steady run of a home, and what it told."""
    told: list[Progress] = []
    store = homes.open(name)
    context = RunContext(store, KIND.settings.load("", {}).flat(), told.append)
    made = steady(open_clip(clip, context), context)
    arrived(store)
    return made, [each for each in told if each.ended]


def test_the_second_home_computes_nothing_that_the_first_one_offered(homes: Homes, clip: Path) -> None:
    first, computed = steadied(homes, "first", clip)
    assert {each.note for each in computed} == {"computed"} and len(computed) == 4
    second, fetched = steadied(homes, "second", clip)
    assert {each.note for each in fetched} == {"from the shared cache"}
    assert all(each.hit for each in second.done) and not second.events
    assert first.path.read_bytes() == second.path.read_bytes()
    figures = homes.open("second").stats().stages
    assert sum(stage.figures.shared_hits for stage in figures.values()) == 4
    assert sum(stage.figures.misses for stage in figures.values()) == 0
    _, local = steadied(homes, "second", clip)
    assert {each.note for each in local} == {"from the cache"}


def test_a_worker_reaches_the_bucket_and_a_removed_job_lets_go(homes: Homes, clip: Path, tmp_path: Path) -> None:
    steadied(homes, "first", clip)
    worthy = {entry.digest for entry in homes.open("first").entries() if Worth().sharing(read(entry.manifest))}
    with house(tmp_path / "home", RESHOOT_SHARED=homes.location) as home:
        order = Order("steady", {"clip": str(clip)}, "walk", {}, "")
        job = home.ended(home.ledger.submit(order).id)
        assert job.state is State.DONE and not job.result["warnings"], "its worker has the credentials"
        assert (Results.of(tmp_path / "home").place(job.id) / CLIP).exists()
        cache = tmp_path / "home" / "cache"
        logs = "".join(path.read_text() for path in (tmp_path / "home").rglob("*.log"))
        assert SECRET not in logs and KEY not in logs
    home.ledger.close()
    Uses(cache).shared(another := "0" * 64)
    Uses(cache).noted(job.id, another)
    Results.of(tmp_path / "home").remove(job.id)
    owners, keys = zip(*(use.rpartition("/")[::2] for _, use in Uses(cache).released()), strict=True)
    assert {*owners} == {f"{Uses(cache).home}/{job.id}"} and {*worthy, another} <= {*keys}


def read(manifest: Manifest | None) -> Manifest:
    """A manifest that is there."""
    assert manifest
    return manifest


def test_no_other_child_is_told_what_opens_the_bucket(homes: Homes) -> None:
    assert not {KEY, SECRET} & set(of_children().values())
    assert of_children()["AWS_REGION"] == "us-east-1"


def test_the_command_goes_on_alone_and_says_so(clip: Path, tmp_path: Path) -> None:
    out, shared = tmp_path / "calm.mp4", tmp_path / "not mounted"
    child = subprocess.run(
        [sys.executable, "-m", "pipeline", "steady", str(clip), "-o", str(out), "--home", str(tmp_path / "home"),
         "--shared", str(shared)],
        cwd=PROJECT_ROOT, capture_output=True, text=True,
    )  # fmt: skip
    assert child.returncode == 0 and out.exists(), child.stderr
    assert f"The shared cache {shared} is not there. Results are computed here." in child.stdout


def test_pruning_from_the_command_line(homes: Homes, clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from typer.testing import CliRunner

    from pipeline.commands.cache import app

    steadied(homes, "first", clip)
    monkeypatch.setenv("RESHOOT_SHARED", homes.location)
    arguments = ["prune", "--shared", "--home", str(homes.folder / "first")]
    said = CliRunner().invoke(app, [*arguments, "--limit", "0"], catch_exceptions=False).stdout
    assert said.startswith("Removed 0 results from the shared cache, 0 bytes;"), "all is younger than a day"
    told = CliRunner().invoke(app, [*arguments, "--json"], catch_exceptions=False).stdout
    assert '"results": 0' in told and '"left_bytes": 0' not in told
