"""python app.py as its user starts it: it comes up, says what is wrong, stops in time, and its jobs outlive it."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa

from pipeline.jobs.frame_requests import PREVIEW, FrameRequests
from pipeline.jobs.job import State
from pipeline.jobs.ledger import Ledger
from pipeline.jobs.locations import database_url
from pipeline.jobs.tables import frame_requests
from tests.engines import MODELS
from tests.journeys import filmed
from tests.studios import App, app
from tests.workers import PATIENCE_S, PROJECT_ROOT, House
from ui.socket import bind
from utils.walker import Shot

pytestmark = pytest.mark.slow

FRAMES = 45


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return filmed(tmp_path_factory.mktemp("clip"), Shot(size=(320, 180), frames=FRAMES))


def refusal(home: Path, *more: str) -> str:
    """What an app says that does not start."""
    child = subprocess.run(
        [sys.executable, "app.py", "--home", str(home), *more],
        cwd=PROJECT_ROOT,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    assert child.returncode == 1 and "Traceback" not in child.stderr
    return child.stderr


def test_it_comes_up_gets_ready_and_stops_within_ten_seconds(tmp_path: Path) -> None:
    with app(tmp_path / "home") as studio:
        assert studio.ask("/healthz") == {"alive": True}
        studio.until(lambda: studio.status("/readyz") == 200, "readiness")
        workers = House(tmp_path / "home").living()
        assert len(workers) == 1
        assert studio.stop() < max(10, 2 * studio.opened_s)
        assert studio.process and studio.process.returncode == 0
        with pytest.raises(ProcessLookupError):
            os.kill(workers[0].pid, 0)


def test_a_worker_that_is_still_starting_hears_the_stop_too(tmp_path: Path) -> None:
    with app(tmp_path / "home") as studio:
        studio.until(lambda: list((studio.home / "jobs").glob("*.log")), "worker")
        assert studio.stop() < max(8, 2 * studio.opened_s), "it was ended by force, after nine seconds"


def waiting(ledger: Ledger) -> int:
    """How many requests for a preview there are."""
    with FrameRequests(ledger, PREVIEW).engine.connect() as connection:
        return int(connection.execute(sa.select(sa.func.count()).select_from(frame_requests)).scalar() or 0)


def test_who_waits_for_a_look_when_it_stops_is_told(tmp_path: Path, clip: Path) -> None:
    with app(tmp_path / "home") as studio, ThreadPoolExecutor(1) as browser:
        known = studio.upload(clip)
        answer = browser.submit(studio.answer, f"/studio/clips/{known}/look", {"preset": "fast"})
        previews = Ledger(database_url(studio.home))
        studio.until(lambda: waiting(previews), "preview that somebody waits for")
        assert studio.stop() < max(10, 2 * studio.opened_s)
        status, told = answer.result()
        assert status == 400 and "closed before the preview was there" in told.decode()
        assert "Traceback" not in (studio.home / "app.log").read_text()


def test_what_is_wrong_is_said_before_anything_is_opened(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert f"Port {port} is taken" in refusal(tmp_path, "--port", str(port))
    (tmp_path / "file").write_text("")
    assert "cannot be made" in refusal(tmp_path / "file" / "home", "--port", "0")
    assert "written user:password" in refusal(tmp_path, "--port", "0", "--auth", "ada")
    assert "cannot be opened" in refusal(tmp_path, "--port", "0", "--host", "192.0.2.1")


def test_answers_leave_at_once() -> None:
    with bind("127.0.0.1", 0) as listener, socket.create_connection(listener.getsockname()):
        visitor, _ = listener.accept()
        with visitor:
            assert visitor.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """An app without a worker."""
    with app(tmp_path_factory.mktemp("alone"), "--no-worker") as studio:
        yield studio


def test_one_home_has_one_app(alone: App) -> None:
    assert "open for" in refusal(alone.home, "--port", "0")


def test_a_database_that_does_not_answer_is_told_and_asked_again(alone: App) -> None:
    file = alone.home / "jobs" / "ledger.sqlite"
    whole = file.read_bytes()
    file.write_bytes(b"x" * len(whole))
    status, told = alone.answer("/studio/jobs")
    assert status == 503 and "does not answer" in told.decode()
    file.write_bytes(whole)
    assert alone.status("/studio/jobs") == 200
    log = (alone.home / "app.log").read_text()
    assert "not a database" in log and "Traceback" not in log


def test_an_app_that_nobody_uses_rests(alone: App) -> None:
    def woken() -> int:
        assert alone.process
        status = Path(f"/proc/{alone.process.pid}/status").read_text()
        return int(status.split("\nvoluntary_ctxt_switches:")[1].split()[0])

    before = woken()
    time.sleep(1)
    assert woken() - before < 300


def test_on_a_pod_nobody_comes_in_without_the_password_that_it_says(tmp_path: Path) -> None:
    with app(tmp_path, "--no-worker", RUNPOD_POD_ID="pod123") as studio:
        assert "https://pod123-" in studio.said and "with the password " in studio.said
        assert studio.status("/studio/jobs") == 401
        assert studio.status("/gradio_api/openapi.json") == 401
        assert studio.status("/config") == 401
        assert studio.status("/healthz") == 200


def test_nothing_outside_is_asked_for_and_nothing_inside_is_told(alone: App) -> None:
    for path in ("/docs", "/redoc", "/openapi.json", "/gradio_api/mcp/sse", "/studio/static/../server.py"):
        assert alone.status(path) == 404, path
    assert alone.status(f"/gradio_api/file={alone.home}/secrets.json") in (403, 404)
    assert alone.status("/gradio_api/file=/etc/passwd") in (403, 404)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_a_job_outlives_the_app(tmp_path: Path, clip: Path, how: signal.Signals) -> None:
    home = tmp_path / "home"
    with app(home) as studio:
        people = House(home)
        job = people.submit(clip)
        people.working(job)
        studio.stop(how)
        assert not people.ledger.get(job).state.ended
        studio.open()
        assert people.ended(job).state is State.DONE
        assert len(people.result(job)) == FRAMES


def test_the_page_loads_nothing_that_computes() -> None:
    """The web process stays small: pixels are the worker's business."""
    code = "import sys, ui.server, pipeline.kinds; pipeline.kinds.kinds(); print(*sorted(sys.modules))"
    child = subprocess.run([sys.executable, "-c", code], cwd=PROJECT_ROOT, capture_output=True, text=True, check=True)
    assert not set(child.stdout.split()) & {"cv2", "av", "mediapipe", "numba", "scipy", *MODELS}


def test_an_app_that_was_killed_leaves_no_worker_behind(tmp_path: Path) -> None:
    studio = App(tmp_path).open()
    people = House(tmp_path)
    worker = people.awake()
    studio.stop(signal.SIGKILL)
    studio.until(lambda: worker.pid not in {sign.pid for sign in people.living()}, "end of the worker")
    studio.close()
