"""First looks: one finished frame of a clip within seconds, made in a child process, one at a time."""

import asyncio
import logging
import os
import re
import secrets
import shutil
import signal
import sys
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

from pipeline.library.clips import Clips, NoClip
from pipeline.settings import Settings
from ui.json_body import Said
from ui.problems import NotHere
from ui.routes.jobs import checked
from ui.studio import Studio
from utils.errors import ClipError, ReshootError, SettingsError
from utils.guarded_child import MOST_ANSWER_BYTES, environment
from utils.untrusted_json import UntrustedJson, read_object

log = logging.getLogger(__name__)

HOUSE = Path(__file__).resolve().parents[2]
ID = re.compile(r"[0-9a-f]{24}")
PICTURES = ("after.jpg", "before.jpg")
LIMIT_S = 90.0
MOST_WAITING = 4
KEPT_S = 24 * 3600.0
PART = ".part"


class LookError(ReshootError):
    """A look could not be made, or is not wanted any more."""


def sweep(home: Path, older_than_s: float = KEPT_S) -> int:
    """Forget old looks, and what was left half made; returns how many went."""
    before, swept = time.time() - older_than_s, 0
    for each in (home / "looks").glob("*"):
        with suppress(FileNotFoundError):
            if each.stat().st_mtime < before:
                shutil.rmtree(each, ignore_errors=True)
                swept += 1
    return swept


def routes(studio: Studio) -> APIRouter:
    """/clips/{id}/look and /looks."""
    router, desk, folder = APIRouter(), Desk(studio.home.absolute()), studio.home.absolute() / "looks"
    studio.closing.append(desk.close)

    @router.post("/clips/{clip}/look")
    async def look(clip: str, said: Said, request: Request) -> dict[str, Any]:
        wish = await run_sync(_wish, studio, clip, said)
        return await desk.look(wish, request)

    @router.get("/looks/{look}/{picture}")
    def shown(look: str, picture: str) -> FileResponse:
        path = folder / look / picture
        if not ID.fullmatch(look) or picture not in PICTURES or not path.is_file():
            raise NotHere("This look is not there any more.", "Look again.")
        return FileResponse(path, media_type="image/jpeg", headers={"Cache-Control": "private, max-age=86400"})

    return router


@dataclass(frozen=True)
class Wish:
    """What is to be looked at, and how: all of it checked."""

    clip: Path
    preset: str
    settings: str
    """As JSON."""
    at: str


def _wish(studio: Studio, clip: str, said: Mapping[str, Any]) -> Wish:
    """What was asked for, or a sentence why it cannot be had; quick, and nothing is computed."""
    preset, settings, at = said.get("preset", "balanced"), said.get("settings") or {}, said.get("at")
    if not isinstance(preset, str) or not isinstance(settings, dict):
        raise SettingsError("The settings are not in a form that can be read.", "Reload the page and try again.")
    if at is not None and (isinstance(at, bool) or not isinstance(at, int | float) or not 0 <= at <= 1):
        raise SettingsError("The moment to look at is not in the clip.", "Give a number from 0 (first) to 1 (last).")
    settled = checked(studio, preset, settings)
    try:
        clips = Clips(studio.home)
        found, path = clips.get(clip), clips.path(clip)
    except NoClip as error:
        raise NotHere(error.problem, error.remedy) from error
    if found.state == "refused":
        raise ClipError(f"{found.title} cannot be used: {found.problem}", found.remedy)
    return Wish(path, preset, Settings.load(preset, settled).to_json(), "auto" if at is None else str(at))


@dataclass
class Desk:
    """Where looks are made: one at a time, a few wait, and of each browser only the newest is wanted."""

    home: Path
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    _newest: dict[str, asyncio.Task[dict[str, Any]]] = field(default_factory=dict)
    _closed: bool = False

    async def look(self, wish: Wish, request: Request) -> dict[str, Any]:
        """Make one, as long as somebody waits for it."""
        owner = str(getattr(request.state, "owner", ""))
        if before := self._newest.pop(owner, None):
            before.cancel()
        if len(self._newest) > MOST_WAITING:
            raise LookError("Many people are looking at their clips right now.", "Try again in a few seconds.")
        work = self._newest[owner] = asyncio.create_task(self._in_turn(wish))
        gone = asyncio.create_task(_gone(request))
        try:
            await asyncio.wait((work, gone), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (work, gone):
                task.cancel()
            if self._newest.get(owner) is work:
                del self._newest[owner]
        try:
            return await work
        except asyncio.CancelledError:
            if self._closed:
                raise LookError("Reshoot was closed before the look was there.", "Open it and look again.") from None
            raise LookError("This look was given up for a newer one.", "Wait for that one.") from None

    def close(self) -> None:
        """The app ends: nobody is kept waiting. To be called from anywhere, a signal's handler too."""
        self._closed = True
        for work in list(self._newest.values()):
            work.get_loop().call_soon_threadsafe(work.cancel)

    async def _in_turn(self, wish: Wish) -> dict[str, Any]:
        async with self._turn:
            return await _made(self.home, wish)


async def _gone(request: Request) -> None:
    """Until nobody waits for the answer any more."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def _made(home: Path, wish: Wish) -> dict[str, Any]:
    """The pictures at their place, and what there is to know of them."""
    look, start = secrets.token_hex(12), time.monotonic()
    part, place = home / "looks" / f"{look}{PART}", home / "looks" / look
    try:
        part.mkdir(parents=True)
        (part / "settings.json").write_text(wish.settings)
        told = await _answer(home, wish, part)
        part.rename(place)
    except OSError as error:
        raise LookError(f"The look could not be kept: {error.strerror}.", "Make room on the disk, then try.") from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
    urls = {picture.removesuffix(".jpg"): f"/studio/looks/{look}/{picture}" for picture in PICTURES}
    return {**told, "id": look, **urls, "seconds": round(time.monotonic() - start, 2)}


async def _answer(home: Path, wish: Wish, folder: Path) -> dict[str, Any]:
    """What the child says."""
    after, before = (str(folder / picture) for picture in PICTURES)
    command = [sys.executable, "-m", "pipeline", "look", str(wish.clip), "--out", after, "--before", before]
    command += ["--at", wish.at, "--preset", wish.preset, "--settings", str(folder / "settings.json")]
    try:
        code, said = await _run([*command, "--home", str(home), "--json"])
        told = read_object(said.splitlines()[-1], MOST_ANSWER_BYTES) if said.strip() else {}
    except TimeoutError as error:
        raise LookError(
            f"Looking took more than {LIMIT_S:.0f} s and was stopped.", "Try again when less is running."
        ) from error
    except UntrustedJson as error:
        raise LookError("The look gave no answer that can be read.", "Try again.") from error
    if "problem" in told:
        raise LookError(str(told["problem"]), str(told["remedy"]))
    if code or not told:
        raise LookError("The look ended without a picture; the memory may have run out.", "Try again.")
    return told


async def _run(command: list[str]) -> tuple[int, str]:
    """A child in a group of its own, which ends with all its children when time is up or nobody waits any more."""
    pipe, null = asyncio.subprocess.PIPE, asyncio.subprocess.DEVNULL
    child = await asyncio.create_subprocess_exec(
        *command, cwd=HOUSE, env=environment(), stdin=null, stdout=pipe, stderr=pipe, start_new_session=True
    )
    try:
        async with asyncio.timeout(LIMIT_S):
            out, err = await child.communicate()
    finally:
        if child.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            await child.wait()
    assert child.returncode is not None
    if child.returncode and not out.strip():
        log.warning("A look ended with %s: %s", child.returncode, err.decode(errors="replace")[-2000:])
    return child.returncode, out.decode(errors="replace")
