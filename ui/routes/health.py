"""Liveness and readiness probes, for pods and their operators."""

import shutil
import time

from fastapi import APIRouter
from sqlalchemy.exc import DatabaseError
from starlette.responses import JSONResponse, Response

from pipeline.jobs.job import State
from pipeline.jobs.outage import outage
from ui.studio import Studio
from utils.disk import LEAST_BYTES, full_disk

ALIVE_S = 15.0
LEAST_FREE_BYTES = 1 << 30


def routes(studio: Studio) -> APIRouter:
    """/healthz and /readyz."""
    router = APIRouter()

    @router.api_route("/healthz", methods=["GET", "HEAD"])
    def alive() -> dict[str, bool]:
        return {"alive": True}

    @router.api_route("/readyz", methods=["GET", "HEAD"])
    def ready() -> Response:
        missing = _missing(studio)
        return JSONResponse({"ready": not missing, "missing": missing}, 503 if missing else 200)

    return router


def _missing(studio: Studio) -> list[str]:
    """What keeps jobs from running now, as sentences; empty if the app is ready."""
    missing, needs_bytes = [], LEAST_BYTES
    try:
        if not any(time.time() - sign.beat_at < ALIVE_S for sign in studio.ledger.workers()):
            missing.append("The worker is starting, or none runs.")
        needs_bytes = max([LEAST_BYTES, *(job.needs_bytes for job in studio.ledger.in_state(State.WAITING))])
    except DatabaseError as error:
        missing.append(str(outage(error, studio.ledger.database)))
    free_bytes = shutil.disk_usage(studio.home).free
    if free_bytes < needs_bytes:
        missing.append(str(full_disk(studio.home, needs_bytes)))
    elif free_bytes < LEAST_FREE_BYTES:
        missing.append("Less than 1 GB of disk is free.")
    return missing
