"""Routes of jobs: list, submit, edit, move, cancel, pause, resume, retry and remove, also for whole batches."""

import re
import secrets
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.encoders import jsonable_encoder
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from pipeline.animate.settings import CARRIED
from pipeline.engines import EngineError, engine
from pipeline.engines.diffusion.lora import loras
from pipeline.jobs.expectation import Expectations
from pipeline.jobs.job import Job, JobError, State
from pipeline.jobs.ledger import IN_LINE, Ledger
from pipeline.jobs.order import Order, make_order
from pipeline.jobs.results import Results
from pipeline.kinds import USUAL, find_kind
from pipeline.library.clips import Clips
from pipeline.library.mattes import check_strokes
from pipeline.library.prompts import LastPrompts, prompt_of
from pipeline.models.places import Places
from ui import given_files
from ui.board import BoardView, differing, quick_choices
from ui.json_body import JsonBody
from ui.problems import NotHere
from ui.routes.parts import Part, asked_parts
from ui.studio import Studio
from utils.errors import ClipError, ReshootError, SettingsError

ID = re.compile(r"[0-9a-f]{24}")
MOST_CLIPS = 1000
CHANGES = {"cancel": Ledger.cancel, "pause": Ledger.pause, "resume": Ledger.resume, "retry": Ledger.retry}
FOR_ALL = {
    "cancel": (Ledger.cancel, (State.RUNNING, *IN_LINE)),
    "pause": (Ledger.pause, (State.RUNNING, State.QUEUED, State.WAITING)),
    "resume": (Ledger.resume, (State.PAUSED,)),
}
OF_ONE_CLIP = {"matte", "keys", "strokes", "transcript", "changes"}
"""Inputs that fit one clip alone."""
Most = Annotated[int, Query(ge=0, le=5000)]


def submit(studio: Studio, owner: str, body: Mapping[str, Any]) -> list[Job]:
    """Submit a job for each clip of a request, several as a batch, in one transaction."""
    clips, kind, preset, settings = _asked(body)
    asked, parts = order_of(studio, kind, preset, settings).complete(), asked_parts(body)
    unique = list(dict.fromkeys(clips))
    if not 0 < len(unique) <= MOST_CLIPS:
        raise ClipError(f"{len(unique)} clips were chosen.", f"Choose between 1 and {MOST_CLIPS}.")
    if len(unique) > 1 and (asked.inputs.keys() & OF_ONE_CLIP or asked.settings.get("analysis.subject") == "pointed"):
        problem = (
            "A matte, painted frames, brush strokes, a transcript, changes and a click on who is meant belong to one "
            f"clip, and {len(unique)} were chosen."
        )
        raise ClipError(problem, "Choose that clip alone, or take them away.")
    known = Clips(studio.home)
    if len(unique) > 1:
        name = f"{known.get(unique[0]).title} and {len(unique) - 1} more"
        asked = replace(asked, batch=secrets.token_hex(12), batch_name=name)
    asked = replace(asked, owner=owner)
    jobs = studio.ledger.submit_all([for_clip(known, clip, asked, parts) for clip in unique])
    LastPrompts(studio.home).remember(prompt_of(asked.settings))
    return jobs


def routes(studio: Studio) -> APIRouter:
    """/jobs and /batches."""
    router, shown = APIRouter(), BoardView(studio)
    _reading(router, studio, shown)
    _asking(router, studio, shown)
    _changing(router, studio, shown)
    return router


def _reading(router: APIRouter, studio: Studio, shown: BoardView) -> None:
    """Routes that read jobs."""

    @router.get("/jobs")
    def listed(request: Request, line: Most = 100, ended: Most = 20) -> Response:
        tag, page = shown.page(_owner(request), line, ended)
        headers = {"ETag": tag, "Cache-Control": "no-cache"}
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers=headers)
        return JSONResponse(page, headers=headers)

    @router.get("/jobs/{job}")
    def show(job: str, request: Request) -> Response:
        found = _found(studio, job)
        more = {
            "settings": found.order.chosen,
            "differing": differing(found.order),
            "choices": quick_choices(found.order),
            "estimate": Expectations(studio.ledger, studio.home).of(found),
            "diary": [vars(entry) for entry in studio.ledger.job_events(found.id)],
        }
        return JSONResponse(jsonable_encoder({**shown.view(found, _owner(request)), **more}))


def _asking(router: APIRouter, studio: Studio, shown: BoardView) -> None:
    """Routes that submit jobs, and change the settings of waiting ones."""

    @router.post("/jobs")
    def asked(body: JsonBody, request: Request) -> Response:
        jobs = submit(studio, _owner(request), body)
        shown.stale()
        return JSONResponse({"jobs": [job.id for job in jobs], "batch": jobs[0].order.batch}, 201)

    @router.patch("/jobs/{job}")
    def edited(job: str, body: JsonBody, request: Request) -> Response:
        found = _may_change(studio, job, request, body)
        _, _, preset, settings = _asked({"clips": [], "preset": found.order.preset, **body})
        new = order_of(studio, found.order.kind, preset, settings).complete()
        given = {role: value for role, value in found.order.inputs.items() if role == "clip"}
        order = replace(found.order, preset=new.preset, settings=new.settings, inputs={**given, **new.inputs})
        now = studio.ledger.edit(found.id, order)
        shown.stale()
        return JSONResponse({"job": shown.view(now, _owner(request))})


def _changing(router: APIRouter, studio: Studio, shown: BoardView) -> None:
    """Routes that change the state of a job, or of all jobs of a batch that have not ended."""

    def changed(request: Request, job: Job) -> Response:
        shown.stale()
        return JSONResponse({"job": shown.view(job, _owner(request))})

    @router.post("/jobs/{job}/move")
    def moved(job: str, body: JsonBody, request: Request) -> Response:
        found, before = _may_change(studio, job, request, body), body.get("before")
        return changed(request, studio.ledger.move(found.id, _found(studio, before).id if before else None))

    @router.post("/jobs/{job}/remove")
    def removed(job: str, body: JsonBody, request: Request) -> Response:
        gone = studio.ledger.remove(_may_change(studio, job, request, body).id)
        Results.of(studio.home).remove(gone.id)
        return changed(request, gone)

    @router.post("/jobs/{job}/{change}")
    def done(job: str, change: str, body: JsonBody, request: Request) -> Response:
        if change not in CHANGES:
            raise NotHere(f"A job cannot be asked to {change!r:.40}.", "Reload the page and try again.")
        return changed(request, CHANGES[change](studio.ledger, _may_change(studio, job, request, body).id))

    @router.post("/batches/{batch}/{change}")
    def all_done(batch: str, change: str, body: JsonBody, request: Request) -> Response:
        if change not in FOR_ALL:
            raise NotHere(f"A batch cannot be asked to {change!r:.40}.", "Reload the page and try again.")
        act, states = FOR_ALL[change]
        jobs = [job for job in studio.ledger.in_state(*states) if job.order.batch == batch]
        for job in jobs:
            _may_change(studio, job.id, request, body)
        done = 0
        for job in jobs:
            with suppress(JobError):  # it ended just now
                act(studio.ledger, job.id)
                done += 1
        shown.stale()
        return JSONResponse({"changed": done})


def _owner(request: Request) -> str:
    return str(getattr(request.state, "owner", ""))


def _asked(body: Mapping[str, Any]) -> tuple[list[str], str, str | None, dict[str, Any]]:
    """Clips, kind, preset and settings of a request, with their types checked."""
    clips = body.get("clips")
    if not isinstance(clips, list) or not all(isinstance(clip, str) for clip in clips):
        raise ReshootError("The request does not say which clips.", "Choose at least one clip.")
    return clips, *asked_settings(body)


def asked_settings(body: Mapping[str, Any]) -> tuple[str, str | None, dict[str, Any]]:
    """Kind, preset and settings of a request, with their types checked."""
    kind, preset, settings = body.get("kind", USUAL), body.get("preset"), body.get("settings") or {}
    if not isinstance(kind, str) or not isinstance(preset, str | None) or not isinstance(settings, dict):
        raise SettingsError("The settings are not in a form that can be read.", "Reload the page and try again.")
    return kind, preset, settings


def order_of(studio: Studio, kind: str, preset: str | None, settings: Mapping[str, Any]) -> Order:
    """The order that a browser asks for, validated, still without its clip; no preset means the usual one."""
    found = find_kind(kind)
    settled = given_files.settled(studio.home, settings, found.file_settings.values())
    order = make_order(found, {}, "", settled, found.settings.USUAL_PRESET if preset is None else preset)
    _check_loras(studio, order.settings.get(found.engine), order.settings)
    return order


def _check_loras(studio: Studio, name: str | None, settings: Mapping[str, Any]) -> None:
    """Refuse LoRAs that are not here, where the engine of this name reads them; the sentence names the setting."""
    text = settings.get("generate.loras")
    if name in (None, CARRIED) or not text or "generate.loras" not in engine(name).settings:
        return
    try:
        loras(text, Places.usual(studio.home))
    except EngineError as error:
        raise SettingsError(f"generate.loras: {error.problem}", error.remedy) from error


def for_clip(known: Clips, clip: str, asked: Order, parts: Mapping[str, Part]) -> Order:
    """The order for one clip, or for the part of it that is asked for; ClipError if that cannot be used."""
    found = known.get(clip)
    if found.state == "refused":
        raise ClipError(f"{found.title} cannot be used: {found.problem}", found.remedy)
    facts, digest = found.inspection.facts if found.inspection else None, known.digest(clip)
    if facts and "strokes" in asked.inputs:
        check_strokes(known.home, asked.inputs["strokes"], digest, facts)
    settings = {**asked.settings, **(parts[clip].settings(found) if clip in parts else {})}
    find_kind(asked.kind).settings.load(asked.preset, settings)
    return replace(asked, inputs={**asked.inputs, "clip": digest}, title=found.title, settings=settings)


def _found(studio: Studio, job: object) -> Job:
    """The job of this id; NotHere if there is none or the id is malformed."""
    try:
        if isinstance(job, str) and ID.fullmatch(job):
            return studio.ledger.get(job)
    except JobError:
        pass
    raise NotHere("There is no such job.", "It may have been removed in another window.")


def _may_change(studio: Studio, job: str, request: Request, body: Mapping[str, Any]) -> Job:
    """The job, if this browser submitted it, nobody in particular did, or the user confirmed the change."""
    found = _found(studio, job)
    if found.order.owner not in ("", _owner(request)) and body.get("sure") is not True:
        raise JobError("This job was started in another browser.", "Confirm that you want to change it.")
    return found
