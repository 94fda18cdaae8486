"""All finished clips of a batch in one download, packed while it is sent."""

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.testclient import TestClient

from pipeline.jobs.job import State
from pipeline.jobs.ledger import Ledger
from pipeline.jobs.locations import database_url
from pipeline.jobs.results import Results
from pipeline.jobs.workers.worker_ledger import WorkerLedger
from pipeline.result.names import CLIP
from tests.orders import begin_next, restyle_order
from ui.problems import NotHere
from ui.routes import batches
from ui.studio import Studio
from ui.zip_stream import BLOCK_BYTES, GONE, zip_stream
from utils.errors import ReshootError

BATCH = "ab" * 12


class Home:
    """A home with a batch, and what answers for it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.ledger = folder, Ledger(database_url(folder))
        app = FastAPI()
        app.include_router(batches.routes(Studio(folder, self.ledger)), prefix="/studio")
        app.add_exception_handler(ReshootError, _told)
        self.client = TestClient(app)

    def finished(self, title: str, content: bytes, batch: str = BATCH) -> str:
        """A job of the batch that is done."""
        self.ledger.submit(restyle_order("clip.mp4", title, batch=batch))
        shift = WorkerLedger(self.ledger, "tested")
        job = begin_next(shift)
        assert job
        place = Results.of(self.folder).place(job.id)
        place.mkdir(parents=True)
        (place / CLIP).write_bytes(content)
        shift.end(job.id, State.DONE, "Finished.")
        return job.id


async def _told(request: Request, error: Exception) -> Response:
    assert isinstance(error, ReshootError)
    return JSONResponse({"problem": error.problem}, 404 if isinstance(error, NotHere) else 400)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    made = Home(tmp_path)
    with made.client:
        yield made
    made.ledger.close()


def test_a_batch_comes_as_one_archive_under_the_names_of_its_clips(home: Home) -> None:
    home.finished("walk.mp4", b"one" * 1000)
    home.finished("walk.mp4", b"two" * 1000)
    home.finished("../../run.mov", b"three" * 1000)
    home.finished("other.mp4", b"other", batch="cd" * 12)
    home.ledger.submit(restyle_order("clip.mp4", "waits.mp4", batch=BATCH))
    answer = home.client.get(f"/studio/batches/{BATCH}.zip")
    assert answer.status_code == 200 and answer.headers["content-type"] == "application/zip"
    assert answer.headers["content-disposition"].startswith("attachment")
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.testzip() is None
        assert {info.compress_type for info in archive.infolist()} == {zipfile.ZIP_STORED}
        contents = {name: archive.read(name)[:3] for name in archive.namelist()}
    assert contents == {
        "walk - restyled.mp4": b"one",
        "walk - restyled (2).mp4": b"two",
        "run - restyled.mp4": b"thr",
    }


@pytest.mark.parametrize("batch", [BATCH, "..", "x", "%2e%2e", "a" * 500])
def test_where_nothing_is_finished_there_is_no_archive(home: Home, batch: str) -> None:
    home.ledger.submit(restyle_order("clip.mp4", "waits.mp4", batch=BATCH))
    assert home.client.get(f"/studio/batches/{batch}.zip").status_code == 404


def test_no_more_than_a_block_is_in_memory(tmp_path: Path) -> None:
    big = tmp_path / "big.mp4"
    big.write_bytes(b"\x5a" * (5 * BLOCK_BYTES + 17))
    blocks = list(zip_stream({"big.mp4": big}))
    assert len(blocks) >= 6 and max(map(len, blocks)) < BLOCK_BYTES + 1000
    with zipfile.ZipFile(io.BytesIO(b"".join(blocks))) as archive:
        assert archive.read("big.mp4") == big.read_bytes()


def test_what_is_deleted_meanwhile_is_named_in_the_archive(tmp_path: Path) -> None:
    here = tmp_path / "here.mp4"
    here.write_bytes(b"here")
    packed = b"".join(zip_stream({"here.mp4": here, "gone.mp4": tmp_path / "gone.mp4"}))
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        assert archive.read("here.mp4") == b"here" and "gone.mp4" in archive.read(GONE).decode()
