"""Routes of results: the facts and files of a finished job, and the window previews of a running one."""

import re
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import FileResponse, Response

from pipeline.jobs.job import Job, JobError, State
from pipeline.jobs.results import Results
from pipeline.jobs.workers.previews import Previews
from pipeline.kind import ResultFile
from pipeline.kinds import find_kind
from pipeline.library.clips import Clips
from pipeline.library.inputs import clip_id
from pipeline.result.names import CLIP, COMMON_FILES, POSTER
from ui.figures import figures
from ui.file_names import attachment, plain, stem
from ui.problems import NotHere
from ui.studio import Studio

ID, INDEX = re.compile(r"[0-9a-f]{24}"), re.compile(r"[0-9]{1,6}")
SHOWN_INLINE = {".mp4": "video/mp4", ".jpg": "image/jpeg", ".png": "image/png"}
"""Files that a browser may display. All others are only served as downloads."""
KINDS = {**SHOWN_INLINE, ".svg": "image/svg+xml", ".html": "text/html; charset=utf-8", ".json": "application/json"}
KEPT_S = 3600
EDITED = ("analyse", "finish")
"""Kinds of jobs whose clip is edited in the Finish tab."""

SAME = (
    "preset", "look", "settings", "width", "height", "frames", "fps", "times_s", "duration_s", "sound", "heard",
    "delay_s", "still", "warnings", "notes",
)  # fmt: skip
"""Facts that are passed to the page unchanged."""


def routes(studio: Studio) -> APIRouter:
    """/results and /previews."""
    router, results = APIRouter(), Results.of(studio.home)

    @router.get("/results")
    def finished() -> dict[str, Any]:
        done = [job for job in studio.ledger.in_state(State.DONE) if results.place(job.id).is_dir()]
        done.sort(key=lambda job: job.finished_at or 0, reverse=True)
        return {"results": [_in_short(job) for job in done]}

    @router.get("/results/{job}")
    def show(job: str, request: Request) -> dict[str, Any]:
        found = _found(studio, job)
        facts = results.facts(found.id)
        if facts is None:
            raise _none_yet(found)
        ask_first = found.order.owner not in ("", str(getattr(request.state, "owner", "")))
        return {**_to_json(found, facts, results.place(found.id)), "ask_first": ask_first}

    @router.api_route("/results/{job}/{name}", methods=["GET", "HEAD"])
    def file(job: str, name: str, inline: bool = False) -> Response:
        found = _found(studio, job)
        files = _files(found)
        if name not in files:
            raise NotHere("A result has no file of this name.", "Open the result again.")
        path = results.place(found.id) / name
        return _sent(path, f"{stem(found.order.title)} - {files[name].ending}{path.suffix}", inline)

    @router.post("/results/{job}/clip")
    def used(job: str) -> dict[str, str]:
        return _as_clip(studio, _found(studio, job), results)

    @router.get("/previews/{job}")
    def previews(job: str) -> dict[str, Any]:
        found = _found(studio, job)
        base = f"/studio/previews/{found.id}"
        windows = Previews.of(studio.home, found.id).windows()
        shown = [{**each, "url": f"{base}/{each['index']}.mp4?v={each['digest'][:12]}"} for each in windows]
        return {"job": found.id, "state": found.state, "windows": shown}

    @router.api_route("/previews/{job}/{index}.mp4", methods=["GET", "HEAD"])
    def preview(job: str, index: str) -> Response:
        found = _found(studio, job)
        if not INDEX.fullmatch(index):
            raise NotHere("There is no such part.", "Reload the page.")
        path = Previews.of(studio.home, found.id).clip(int(index))
        return _sent(path, f"{stem(found.order.title)} - part {int(index) + 1}.mp4", inline=True)

    return router


def _as_clip(studio: Studio, job: Job, results: Results) -> dict[str, str]:
    """The clip whose film is edited next: a result becomes a clip; what was edited already is gone on with."""
    clips = Clips(studio.home)
    if job.order.kind in EDITED:
        clip = clip_id(studio.home, job.order.inputs["clip"])
        return {"id": clip, "title": clips.get(clip).title}
    path = results.place(job.id) / CLIP
    if not path.is_file():
        raise _none_yet(job)
    title = f"{stem(job.order.title)} - {find_kind(job.order.kind).files[CLIP].ending}{path.suffix}"
    return {"id": clips.take(path, title), "title": title}


def _found(studio: Studio, job: str) -> Job:
    """The job of this id; NotHere if there is none or the id is malformed."""
    try:
        if ID.fullmatch(job):
            return studio.ledger.get(job)
    except JobError:
        pass
    raise NotHere("There is no such job.", "It may have been removed in another window.")


def _none_yet(job: Job) -> NotHere:
    if job.state == State.DONE:
        return NotHere("The result of this job is gone.", "Retry the job: what is in the cache is not done again.")
    return NotHere(f"This job has no result: it is {job.state}.", "The Jobs tab shows how it stands.")


def _files(job: Job) -> dict[str, ResultFile]:
    """The files that a result of this kind of job may have."""
    return {**find_kind(job.order.kind).files, **COMMON_FILES}


def _in_short(job: Job) -> dict[str, Any]:
    """A result as JSON for the list of results."""
    return {
        "job": job.id,
        "title": plain(job.order.title),
        "kind": job.order.kind,
        "preset": job.order.preset,
        "look": job.result.get("look"),
        "finished": job.finished_at,
        "poster": _url(job, POSTER, shown=True),
    }


def _to_json(job: Job, facts: Mapping[str, Any], place: Path) -> dict[str, Any]:
    """A result as JSON for its page."""
    kind, files = find_kind(job.order.kind), _files(job)
    return {
        **_in_short(job),
        **{name: facts[name] for name in SAME},
        "before": _url(job, facts["before"], shown=True),
        "after": _url(job, facts["after"], shown=True),
        "report": _url(job, "report.html") if "report.html" in files else None,
        "figures": [asdict(each) for each in figures(facts["numbers"], facts["fps"], kind.measures)],
        "sureness": facts.get("sureness", []),
        "alignment": _alignment(job, facts),
        "bytes": sum(file.stat().st_size for file in place.iterdir()),
        "files": [
            {"name": name, "label": file.label, "bytes": (place / name).stat().st_size, "url": _url(job, name)}
            for name, file in files.items()
            if file.listed and (place / name).is_file()
        ],
    }


def _alignment(job: Job, facts: Mapping[str, Any]) -> dict[str, Any] | None:
    """What the page of an aligned clip shows: the frames of both clips, and where their pictures and the plot are."""
    if "alignment" not in facts:
        return None
    pictures = {name: _url(job, f"{name}{end}", shown=True) for name, end in (("strip", ".jpg"), ("sheet", ".png"))}
    return {**facts["alignment"], **pictures, "plot": _url(job, "drift.svg"), "clip": job.order.inputs["clip"]}


def _url(job: Job, name: str, *, shown: bool = False) -> str:
    """The URL of a file, which contains the result's digest so that browsers may cache it."""
    version = f"v={str(job.result.get('digest', ''))[:12]}"
    return f"/studio/results/{job.id}/{name}?{'inline=1&' if shown else ''}{version}"


def _sent(path: Path, name: str, inline: bool) -> Response:
    """Serve a file, or the requested byte ranges of it, inline or as a download in a sandbox."""
    try:
        stat = path.stat()
    except OSError as error:
        raise NotHere("This file is not there (any more).", "Open the result again.") from error
    headers = {"X-Content-Type-Options": "nosniff", "Cache-Control": f"private, max-age={KEPT_S}"}
    if inline and path.suffix in SHOWN_INLINE:
        headers["Content-Disposition"] = "inline"
    else:
        headers |= {"Content-Disposition": attachment(name), "Content-Security-Policy": "default-src 'none'; sandbox"}
    return FileResponse(path, headers=headers, media_type=KINDS[path.suffix], stat_result=stat)
