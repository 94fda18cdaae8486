"""Receives a file that people give beside their clips, in the body of a request, with limits on size and silence."""

import secrets
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
from anyio.to_thread import run_sync
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from pipeline.library.given import FOLDERS, PART, TITLES
from ui.problems import TooLarge
from utils.errors import ReshootError
from utils.uploads import SPARE_BYTES

AT_ONCE = 2
"""Files of one kind that are checked at the same time."""

SILENCE_S = 60.0
"""How long a request may send nothing."""


@dataclass(frozen=True)
class Receiver:
    """Receives the files of one role into a home; `keep` checks each in a guarded child and moves it in."""

    home: Path
    role: str
    most_bytes: int
    keep: Callable[[Path, Path], Any]
    _readers: anyio.CapacityLimiter = field(default_factory=lambda: anyio.CapacityLimiter(AT_ONCE))

    async def add(self, request: Request) -> Response:
        """Receive the file of a request; the answer has the facts about it."""
        return await self.answered(request, lambda part: self.keep(self.home, part).to_json())

    async def answered(self, request: Request, work: Callable[[Path], dict[str, Any]]) -> Response:
        """Receive the file of a request; `work` makes the answer of it, before it is deleted unless it was moved in."""
        title, folder = TITLES[self.role], self.home.absolute() / FOLDERS[self.role]
        part = folder / f".{secrets.token_hex(12)}{PART}"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            await _receive(request, part, title, self.most_bytes)
            told = await run_sync(work, part, limiter=self._readers)
        except (ClientDisconnect, TimeoutError):
            return JSONResponse({"problem": "The connection broke.", "remedy": f"Add the {title} again."}, 408)
        except OSError as error:
            problem = f"The {title} could not be kept: {error.strerror or error}."
            raise ReshootError(problem, "Make room on the disk, then add it again.") from error
        finally:
            part.unlink(missing_ok=True)
        return JSONResponse(told, 201)


async def body_of(request: Request, most_bytes: int, refusal: TooLarge) -> bytes:
    """The body of a request; the refusal is raised if it is larger than that."""
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > most_bytes:
            raise refusal
    return bytes(body)


async def _receive(request: Request, part: Path, title: str, most_bytes: int) -> None:
    """Stream the body to a new file."""
    too_large = TooLarge(f"A {title} has {most_bytes // 10**6} MB at most.", "Make it smaller and add that.")
    announced = int(request.headers.get("content-length") or 0)
    if announced > most_bytes:
        raise too_large
    if shutil.disk_usage(part.parent).free < SPARE_BYTES + (announced or most_bytes):
        raise ReshootError(f"There is too little room on the disk for a {title}.", "Free some, then add it again.")
    stream, came = request.stream().__aiter__(), 0
    async with await anyio.open_file(part, "xb") as file:
        while True:
            with anyio.fail_after(SILENCE_S):
                data = await anext(stream, None)
            if data is None:
                return
            came += len(data)
            if came > most_bytes:
                raise too_large
            await file.write(data)
