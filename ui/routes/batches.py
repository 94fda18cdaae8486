"""Route of batches: all finished clips of one in a single download."""

import re
from collections.abc import Sequence
from pathlib import Path

from fastapi import APIRouter
from starlette.responses import StreamingResponse

from pipeline.jobs.job import Job, State
from pipeline.jobs.results import Results
from pipeline.kinds import find_kind
from pipeline.result.names import CLIP
from ui.file_names import attachment, stem
from ui.problems import NotHere
from ui.studio import Studio
from ui.zip_stream import zip_stream

ID = re.compile(r"[0-9a-f]{24}")


def routes(studio: Studio) -> APIRouter:
    """/batches/{id}.zip."""
    router, results = APIRouter(), Results.of(studio.home)

    @router.get("/batches/{batch}.zip")
    def download(batch: str) -> StreamingResponse:
        done = [job for job in studio.ledger.in_state(State.DONE) if ID.fullmatch(batch) and job.order.batch == batch]
        files = _files(done, results)
        if not files:
            raise NotHere("Nothing of this batch is finished.", "Its jobs are on the Jobs tab.")
        headers = {
            "Content-Disposition": attachment(f"{stem(done[0].order.batch_name or 'batch')}.zip"),
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "no-store",
        }
        return StreamingResponse(zip_stream(files), headers=headers, media_type="application/zip")

    return router


def _files(done: Sequence[Job], results: Results) -> dict[str, Path]:
    """The finished clips by their names in the archive; clips of one title are numbered."""
    files: dict[str, Path] = {}
    for job in done:
        path = results.place(job.id) / CLIP
        if not path.is_file():
            continue
        whole = f"{stem(job.order.title)} - {find_kind(job.order.kind).files[CLIP].ending}"
        names = (f"{whole}{f' ({number})' if number > 1 else ''}{path.suffix}" for number in range(1, len(done) + 1))
        files[next(name for name in names if name not in files)] = path
    return files
