"""Routes of the Finish tab: the film of a clip as people edit it, what is known about the clip, and its waveform."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from anyio.to_thread import run_sync
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from pipeline.finish.analyse.kind import DRAFT, KNOWN, LEVELS
from pipeline.finish.analyse.kind import KIND as ANALYSE
from pipeline.jobs.job import JobError, State
from pipeline.jobs.results import Results
from pipeline.library.clips import Clips, NoClip
from pipeline.library.films import EditedFilm, Films
from pipeline.library.said import keep_transcript
from pipeline.library.sounds import keep
from pipeline.result.names import CLIP
from ui.problems import NotHere, TooLarge
from ui.receiving import Receiver, body_of
from ui.routes.jobs import ID
from ui.studio import Studio
from utils.errors import ReshootError, SettingsError
from utils.untrusted_json import UntrustedJson, read_object

MOST_BYTES, MOST_TRANSCRIPT_BYTES, MOST_SOUND_BYTES = 16 << 20, 16 << 20, 500_000_000
UNREADABLE = "The film that was sent cannot be read."


def routes(studio: Studio) -> APIRouter:
    """/clips/{id}/film, /sounds and /transcripts."""
    router, films = APIRouter(), Films(studio.home)
    router.post("/sounds")(Receiver(studio.home, "sound", MOST_SOUND_BYTES, keep).add)
    _giving(router, studio)

    @router.get("/clips/{clip}/film")
    def shown(clip: str) -> dict[str, Any]:
        edited = films.get(_there(studio, clip))
        place = _analysis(studio, edited.analysis, clip)
        plain = {"version": edited.version, "analysis": edited.analysis, **_runnable(edited)}
        return {**plain, "plan": films.whole_plan(edited), "changes": films.changes(edited), **_found(place)}

    @router.post("/clips/{clip}/film")
    async def saved(clip: str, request: Request) -> dict[str, Any]:
        refusal = TooLarge(f"A film has {MOST_BYTES >> 20} MiB at most.", "Make it shorter, or cut the clip first.")
        body = await body_of(request, MOST_BYTES, refusal)
        edited, changes = await run_sync(_edited, body)
        kept = await run_sync(films.save, await run_sync(_there, studio, clip), edited, changes)
        return {"version": kept.version, **_runnable(kept)}

    @router.get("/clips/{clip}/film/levels")
    def levels(clip: str) -> Response:
        place = _analysis(studio, films.get(_there(studio, clip)).analysis, clip)
        if place is None:
            raise NotHere("This clip was not looked into yet.", "Look into it first.")
        return Response((place / LEVELS).read_bytes(), media_type="application/octet-stream")

    return router


def _giving(router: APIRouter, studio: Studio) -> None:
    """The route on which a transcript comes in."""

    @router.post("/transcripts")
    async def given(request: Request, name: str) -> Response:
        refusal = TooLarge(f"A transcript has {MOST_TRANSCRIPT_BYTES >> 20} MiB at most.", "Give a shorter one.")
        body = await body_of(request, MOST_TRANSCRIPT_BYTES, refusal)
        return JSONResponse({"digest": await run_sync(keep_transcript, studio.home, name, body)}, 201)


def _there(studio: Studio, clip: str) -> str:
    """The id of a clip that is here."""
    try:
        return Clips(studio.home).get(clip).id
    except NoClip as error:
        raise NotHere(error.problem, error.remedy) from error


def _edited(body: bytes) -> tuple[EditedFilm, Mapping[str, Any] | None]:
    """The film in a request, and what was changed of what is known."""
    try:
        told = read_object(body, MOST_BYTES)
    except UntrustedJson as error:
        raise ReshootError(UNREADABLE, "Reload the page and try again.") from error
    version, analysis, plan, changes = (told.get(name) for name in ("version", "analysis", "plan", "changes"))
    named = analysis is None or (isinstance(analysis, str) and ID.fullmatch(analysis))
    if not isinstance(version, int) or not named or any(not isinstance(each, dict | None) for each in (plan, changes)):
        raise SettingsError(UNREADABLE, "It is version, analysis, plan and changes.")
    return EditedFilm(version, analysis, plan), changes


def _runnable(edited: EditedFilm) -> dict[str, Any]:
    """The settings by which previews and jobs name this film, and the changes that an analysis takes along."""
    return {"settings": {"film.plan": edited.text, "given.changes": edited.changes}}


def _analysis(studio: Studio, job: str | None, clip: str) -> Path | None:
    """The folder of a finished analysis of a clip."""
    if job is None:
        return None
    try:
        found = studio.ledger.get(job)
    except JobError:
        return None
    fits = found.order.kind == ANALYSE.name and found.order.inputs.get("clip") == clip and found.state is State.DONE
    place = Results.of(studio.home).place(job)
    return place if fits and place.is_dir() else None


def _found(place: Path | None) -> dict[str, Any]:
    """What an analysis found: all that is known, the plan that it proposes, and where the clip can be watched."""
    if place is None:
        return {"known": None, "draft": None, "watch": None}
    known, draft = (json.loads((place / name).read_bytes()) for name in (KNOWN, DRAFT))
    return {"known": known, "draft": draft, "watch": f"/studio/results/{place.name}/{CLIP}?inline=1"}
