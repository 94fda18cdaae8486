"""Receives a file in the body of a request, with limits on its size and on silence."""

import shutil
from pathlib import Path

import anyio
from starlette.requests import Request

from ui.problems import TooLarge
from utils.errors import ReshootError
from utils.uploads import SPARE_BYTES

SILENCE_S = 60.0
"""How long a request may send nothing."""


async def receive(request: Request, part: Path, title: str, most_bytes: int) -> None:
    """Stream the body to a new file; `title` names it in errors: 'reference picture'."""
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
