"""Routes of frame previews: one finished frame of a clip within seconds, made by the worker."""

import asyncio
import re
import secrets
import shutil
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from anyio.to_thread import run_sync
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import FileResponse

from pipeline.jobs.frame_requests import PREVIEW, FrameRequest, FrameRequests
from pipeline.jobs.workers.frame_answers import AFTER, BEFORE
from pipeline.kinds import find_kind
from pipeline.library.clips import Clips, NoClip
from ui.json_body import JsonBody
from ui.problems import NotHere, Overtaken
from ui.routes.jobs import asked_settings, for_clip, order_of
from ui.routes.parts import asked_parts
from ui.studio import Studio
from utils.errors import ReshootError, SettingsError

ID = re.compile(r"[0-9a-f]{24}")
PICTURES = (AFTER, BEFORE)
LIMIT_S = 90.0
POLL_S, POLLS_SOON, SOON_S = 0.05, 40, 0.008
"""How often an answer is looked for, and how many times sooner than that at first."""
STARTING_S, ALIVE_S = 20.0, 15.0
"""How long a worker may take to start, and after how long without heartbeat it counts as dead."""
MOST_WAITING = 4
KEPT_S = 24 * 3600.0


class PreviewError(ReshootError):
    """A preview could not be made, or is not wanted any more."""


def sweep(home: Path, older_than_s: float = KEPT_S) -> int:
    """Delete old previews and partial ones; returns how many."""
    before, swept = time.time() - older_than_s, 0
    for folder in (home / "looks").glob("*"):
        with suppress(FileNotFoundError):
            if folder.stat().st_mtime < before:
                shutil.rmtree(folder, ignore_errors=True)
                swept += 1
    return swept


def routes(studio: Studio) -> APIRouter:
    """/clips/{id}/look and /looks."""
    router, folder = APIRouter(), studio.home.absolute() / "looks"
    queue = PreviewQueue(FrameRequests(studio.ledger, PREVIEW))
    studio.closing.append(queue.close)

    @router.post("/clips/{clip}/look")
    async def preview(clip: str, body: JsonBody, request: Request) -> dict[str, Any]:
        asked = await run_sync(_asked, studio, clip, body)
        start = time.monotonic()
        id, answer = await queue.preview(asked, request)
        urls = {picture.removesuffix(".jpg"): f"/studio/looks/{id}/{picture}" for picture in PICTURES}
        return {**answer, "id": id, **urls, "seconds": round(time.monotonic() - start, 2)}

    @router.get("/looks/{look}/{picture}")
    def shown(look: str, picture: str) -> FileResponse:
        path = folder / look / picture
        if not ID.fullmatch(look) or picture not in PICTURES or not path.is_file():
            raise NotHere("This preview is not there any more.", "Ask for it again.")
        return FileResponse(path, media_type="image/jpeg", headers={"Cache-Control": "private, max-age=86400"})

    return router


def _asked(studio: Studio, clip: str, body: Mapping[str, Any]) -> FrameRequest:
    """Validate a request for a preview; computes nothing."""
    at = body.get("at")
    if at is not None and (isinstance(at, bool) or not isinstance(at, int | float) or not 0 <= at <= 1):
        raise SettingsError("The moment to look at is not in the clip.", "Give a number from 0 (first) to 1 (last).")
    asked = order_of(studio, *asked_settings(body))
    if find_kind(asked.kind).preview is None:
        raise SettingsError(f"A job of the kind {asked.kind!r} has no preview.", "Submit it.")
    try:
        return FrameRequest(for_clip(Clips(studio.home), clip, asked, asked_parts(body)), at)
    except NoClip as error:
        raise NotHere(error.problem, error.remedy) from error


@dataclass
class PreviewQueue:
    """Waits for previews on behalf of browsers: few at once; a newer one of a browser and kind ends the older."""

    previews: FrameRequests
    _newest: dict[tuple[str, str], asyncio.Task[tuple[str, dict[str, Any]]]] = field(default_factory=dict)
    _closed: bool = False

    async def preview(self, asked: FrameRequest, request: Request) -> tuple[str, dict[str, Any]]:
        """Request a preview; returns its id and the worker's answer. Cancelled when the browser disconnects."""
        place = str(getattr(request.state, "owner", "")), asked.order.kind
        if before := self._newest.pop(place, None):
            before.cancel()
        if len(self._newest) > MOST_WAITING:
            raise PreviewError("Many people are looking at their clips right now.", "Try again in a few seconds.")
        work = self._newest[place] = asyncio.create_task(self._answered(asked))
        gone = asyncio.create_task(_gone(request))
        try:
            await asyncio.wait((work, gone), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (work, gone):
                task.cancel()
            if self._newest.get(place) is work:
                del self._newest[place]
        try:
            return await work
        except asyncio.CancelledError:
            if self._closed:
                raise PreviewError("Reshoot was closed before the preview was there.", "Open it again.") from None
            raise Overtaken("This preview was given up for a newer one.", "Wait for that one.") from None

    def close(self) -> None:
        """Cancel all waiting requests because the app stops. Safe to call from any thread and from a signal handler."""
        self._closed = True
        for work in list(self._newest.values()):
            work.get_loop().call_soon_threadsafe(work.cancel)

    async def _answered(self, asked: FrameRequest) -> tuple[str, dict[str, Any]]:
        """Insert a request and wait for its answer; however that ends, the request is deleted."""
        id = secrets.token_hex(12)
        await run_sync(self.previews.ask, id, asked)
        try:
            async with asyncio.timeout(LIMIT_S):
                answer = await self._answer(id)
        except TimeoutError as error:
            problem = f"There was no preview after {LIMIT_S:.0f} s."
            raise PreviewError(problem, "Try again when less is running.") from error
        finally:
            await asyncio.shield(run_sync(self.previews.take_back, id))
        if "problem" in answer:
            raise PreviewError(str(answer["problem"]), str(answer["remedy"]))
        return id, answer

    async def _answer(self, id: str) -> dict[str, Any]:
        """Poll for the worker's answer; PreviewError once it is clear that no worker runs."""
        start, polls = time.monotonic(), 0
        while (answer := await run_sync(self.previews.answer, id)) is None:
            await asyncio.sleep(SOON_S if polls < POLLS_SOON else POLL_S)
            polls += 1
            if time.monotonic() - start > STARTING_S and not await run_sync(self._has_worker):
                problem = "No worker runs that could make this preview."
                raise PreviewError(
                    problem, "Start one with `python -m pipeline worker`, or open the app without --no-worker."
                )
        return answer

    def _has_worker(self) -> bool:
        return any(time.time() - sign.beat_at < ALIVE_S for sign in self.previews.ledger.workers())


async def _gone(request: Request) -> None:
    """Wait until the browser disconnects."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
