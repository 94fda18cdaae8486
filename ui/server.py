"""The server: assembles middleware, routes, static files and the Gradio page into one FastAPI app."""

import logging
import os
from functools import partial
from pathlib import Path
from typing import Any

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # read when gradio is imported

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import DatabaseError
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from pipeline.align.report import ASSETS
from pipeline.jobs.job import JobError
from pipeline.jobs.outage import OUR_MISTAKES, DiskFull, database_message, outage
from pipeline.library.clips import NoClip
from pipeline.library.films import ChangedElsewhere
from ui import login
from ui.access import AccessGuard
from ui.cache_tasks import CacheTaskError
from ui.files import Files
from ui.inlaid import Inlaid
from ui.model_tasks import ModelTaskError
from ui.page import ASKS, HEAD, TAKES_ADDRESSES, page
from ui.plain_words import in_words, settings_named
from ui.problems import NotAllowed, NotHere, Overtaken, TooLarge
from ui.quick_gradio import gr
from ui.route_filter import RouteFilter
from ui.routes import (
    addresses,
    batches,
    clips,
    dashboard,
    films,
    forms,
    health,
    jobs,
    keys,
    looks,
    loras,
    mattes,
    models,
    paintings,
    presets,
    prompts,
    references,
    results,
    uploads,
)
from ui.sessions import Authenticator
from ui.studio import Studio
from ui.theme import THEME
from utils.errors import ReshootError
from utils.log_throttle import LogThrottle

log = logging.getLogger(__name__)
log.addFilter(LogThrottle())

STATIC = Path(__file__).parent / "static"
GRADIO = Path(gr.__file__).parent / "templates" / "frontend" / "assets"
NO_DOCS: Any = {"docs_url": None, "redoc_url": None, "openapi_url": None}
STATUS = {
    NotHere: 404,
    ChangedElsewhere: 409,
    Overtaken: 409,
    NoClip: 404,
    JobError: 409,
    CacheTaskError: 409,
    ModelTaskError: 409,
    NotAllowed: 403,
    TooLarge: 413,
}


def build(studio: Studio, authenticator: Authenticator, hosts: tuple[str, ...] = ()) -> FastAPI:
    """Build the app. `hosts` are names, besides localhost, by which it may be addressed."""
    app = FastAPI(title="Reshoot", **NO_DOCS)
    app.add_middleware(CORSMiddleware)  # it allows no other origin; where it is missing, Gradio adds one that does
    app.add_middleware(AccessGuard, authenticator=authenticator, hosts=hosts)
    app.add_exception_handler(ReshootError, _told)
    app.add_exception_handler(RequestValidationError, _malformed)
    app.add_exception_handler(DatabaseError, partial(_database_outage, studio))
    for mistake in OUR_MISTAKES:
        app.add_exception_handler(mistake, _failed)
    app.add_exception_handler(ClientDisconnect, _left)
    app.add_exception_handler(Exception, _failed)
    app.include_router(health.routes(studio))
    app.include_router(login.routes(authenticator))
    app.mount("/studio/static", Files(STATIC))
    app.mount("/studio/align", Files(ASSETS))
    app.mount("/assets", Files(GRADIO, named_by_content=True))
    for noun in (
        uploads, addresses, clips, references, mattes, forms, presets, prompts, looks, jobs, batches, results,
        dashboard, models, loras, films, keys, paintings,
    ):  # fmt: skip
        app.include_router(noun.routes(studio), prefix="/studio")
    blocks = page()
    gr.mount_gradio_app(
        app,
        blocks,
        path="/",
        theme=THEME,
        head=HEAD
        + (ASKS if authenticator.requires_login else "")
        + (TAKES_ADDRESSES if studio.takes_addresses else ""),
        app_kwargs={
            **NO_DOCS,
            "middleware": [
                Middleware(RouteFilter),
                Middleware(Inlaid, (STATIC / "whole.js").read_text(encoding="utf-8")),
            ],
        },
        show_error=False,
        run_history=False,
        footer_links=[],
        ssr_mode=False,
        mcp_server=False,
        enable_monitoring=False,
        max_file_size=0,  # clips and pictures come in through routes of our own
        favicon_path=str(STATIC / "icon.svg"),
    )
    _rest_when_idle(blocks)
    return app


def _rest_when_idle(blocks: gr.Blocks) -> None:
    """Let Gradio's queue look for work 20 times a second, as it does on Windows, instead of 1000 times."""
    queue = blocks._queue
    queue.sleep_when_free, queue.progress_update_sleep_when_free = 0.05, 0.1


async def _told(request: Request, error: Exception) -> Response:
    """Answer an error of ours with its problem and remedy, and the names of the settings that it is about."""
    assert isinstance(error, ReshootError)
    status = next((code for kind, code in STATUS.items() if isinstance(error, kind)), 400)
    told: dict[str, Any] = {"problem": in_words(error.problem), "remedy": in_words(error.remedy)}
    if named := settings_named(error.problem):
        told["settings"] = named
    return JSONResponse(told, status)


async def _malformed(request: Request, error: Exception) -> Response:
    """Answer a request whose parameters do not validate."""
    assert isinstance(error, RequestValidationError)
    what = "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors()[:3])
    return JSONResponse({"problem": f"The request cannot be read ({what}).", "remedy": "Reload the page."}, 422)


async def _database_outage(studio: Studio, request: Request, error: Exception) -> Response:
    """Answer during an outage of the jobs database. Open pages keep polling, so the log lines are throttled."""
    assert isinstance(error, DatabaseError)
    why = outage(error, studio.ledger.database)
    log.warning("%s %s: %s (%s)", request.method, request.url.path, why.problem, database_message(error))
    return JSONResponse({"problem": why.problem, "remedy": why.remedy}, 507 if isinstance(why, DiskFull) else 503)


async def _left(request: Request, error: Exception) -> Response:
    """Answer a client that disconnected while it was sending."""
    return Response(status_code=408)


async def _failed(request: Request, error: Exception) -> Response:
    """Answer an unexpected error; its traceback goes to the log only."""
    log.warning("%s %s failed.", request.method, request.url.path, exc_info=error)
    problem = f"Something in Reshoot went wrong ({type(error).__name__})."
    return JSONResponse({"problem": problem, "remedy": "Try again; the app's log has the details."}, 500)
