"""Upload routes: resumable uploads in chunks, streamed to the disk.

No request holds more than about a megabyte in memory, and all writing happens in threads, so that a slow disk does not
block other requests.
"""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import Annotated, Any, TypeVar

import anyio
from anyio.to_thread import run_sync
from fastapi import APIRouter, Query
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from pipeline.library.clips import Clips, NoClip
from ui.access import address, visitor
from ui.json_body import JsonBody
from ui.problems import NotHere, TooLarge
from ui.studio import Studio
from utils.errors import ReshootError
from utils.uploads import ChunkWriter, NoUpload, OffsetMismatch, Uploads, UploadTooLarge

CHUNK_BYTES, MOST_CHUNK_BYTES = 8 << 20, 64 << 20
PIECE_BYTES = 1 << 20
SILENCE_S, DRAIN_S = 60.0, 20.0
"""How long a request may send nothing, and how long a refused one is read on, so that it receives the response."""
WRITERS = 8

Given = TypeVar("Given")


class UploadService:
    """Receives uploads; a complete one becomes a clip."""

    def __init__(self, studio: Studio) -> None:
        self._uploads = Uploads(studio.home / "uploads", studio.most_upload_bytes)
        self._clips = Clips(studio.home)
        self._writers, self._beginners = anyio.CapacityLimiter(WRITERS), anyio.CapacityLimiter(1)

    async def begin(self, body: dict[str, Any], owner: str, network: str) -> dict[str, Any]:
        """Open an upload; one request at a time, so that the quotas hold."""
        name, size = body.get("name"), body.get("bytes")
        if not isinstance(name, str) or not isinstance(size, int) or isinstance(size, bool):
            raise ReshootError("An upload begins with a name and a number of bytes.", "Reload the page and try again.")
        with _in_house_terms():
            upload = await run_sync(self._uploads.begin, name, size, owner, network, limiter=self._beginners)
        return {"id": upload, "have": 0, "bytes": size, "chunk_bytes": CHUNK_BYTES}

    def status(self, upload: str) -> dict[str, Any]:
        """The state of an upload, and the clip that it has become."""
        with _in_house_terms():
            state = self._uploads.get(upload)
        about = {"id": upload, "have": state.have, "bytes": state.bytes}
        with suppress(NoClip):
            return {**about, "clip": self._clips.get(state.digest).id}
        return {**about, "chunk_bytes": CHUNK_BYTES}

    async def add(self, upload: str, at: int, request: Request) -> dict[str, Any]:
        """Receive one chunk; the last one turns the upload into a clip."""
        if int(request.headers.get("content-length") or 0) > MOST_CHUNK_BYTES:
            raise _chunk_too_large()
        writer = await self._written(
            lambda: self._uploads.chunk_writer(upload, at, request.headers.get("x-chunk-sha256"))
        )
        await self._pour(request, writer)
        return await self._written(lambda: self._sealed(upload, writer.have))

    def drop(self, upload: str) -> None:
        """Remove an upload and its data."""
        with _in_house_terms():
            self._uploads.drop(upload)

    async def _pour(self, request: Request, writer: ChunkWriter) -> None:
        """Stream a request to the disk; however it ends, the written bytes are committed or discarded."""
        try:
            async for piece in _pieces(request):
                await self._written(partial(writer.write, piece))
        except BaseException:
            with anyio.CancelScope(shield=True):
                await self._written(writer.abandon)
            raise
        await self._written(writer.commit)

    def _sealed(self, upload: str, have: int) -> dict[str, Any]:
        state = self._uploads.get(upload)
        if have < state.bytes:
            return {"have": have}
        with self._uploads.whole(upload) as (part, digest):
            return {"have": have, "clip": self._clips.add(part, state.title, digest)}

    async def _written(self, work: Callable[[], Given]) -> Given:
        """Run file operations in a thread, because disks may be slow."""
        with _in_house_terms():
            return await run_sync(work, limiter=self._writers)


def routes(studio: Studio) -> APIRouter:
    """/uploads."""
    router, service = APIRouter(), UploadService(studio)

    @router.post("/uploads")
    async def begin(body: JsonBody, request: Request) -> dict[str, Any]:
        return await service.begin(body, visitor(request), address(request))

    @router.get("/uploads/{upload}")
    def status(upload: str) -> dict[str, Any]:
        return service.status(upload)

    @router.patch("/uploads/{upload}")
    async def add(upload: str, request: Request, at: Annotated[int, Query(alias="from", ge=0)]) -> Response:
        try:
            return JSONResponse(await service.add(upload, at, request))
        except OffsetMismatch as error:
            await _drained(request)
            return JSONResponse({"have": error.have, "problem": error.problem, "remedy": error.remedy}, 409)
        except (ClientDisconnect, TimeoutError):
            return JSONResponse({"problem": "The connection broke.", "remedy": "Go on where it was."}, 408)
        except ReshootError:
            await _drained(request)
            raise

    @router.delete("/uploads/{upload}")
    def drop(upload: str) -> dict[str, Any]:
        service.drop(upload)
        return {}

    return router


async def _pieces(request: Request) -> AsyncIterator[bytes]:
    """The body in pieces of about a megabyte; TimeoutError if the client stops sending."""
    stream, held, came = request.stream().__aiter__(), bytearray(), 0
    while True:
        with anyio.fail_after(SILENCE_S):
            data = await anext(stream, None)
        if data is None:
            break
        came += len(data)
        if came > MOST_CHUNK_BYTES:
            raise _chunk_too_large()
        held += data
        if len(held) >= PIECE_BYTES:
            yield bytes(held)
            held.clear()
    if held:
        yield bytes(held)


async def _drained(request: Request) -> None:
    """Read a refused request to its end: browsers do not read the response before they have sent all."""
    if int(request.headers.get("content-length") or 0) > MOST_CHUNK_BYTES:
        return
    with anyio.move_on_after(DRAIN_S):
        try:
            came = 0
            async for data in request.stream():
                came += len(data)
                if came > MOST_CHUNK_BYTES:
                    return
        except (ClientDisconnect, RuntimeError):
            return  # the client has disconnected, or the body was read already


@contextmanager
def _in_house_terms() -> Iterator[None]:
    """Convert errors of uploads into those that ui/server.py maps to 404 and 413."""
    try:
        yield
    except NoUpload as error:
        raise NotHere(error.problem, error.remedy) from error
    except UploadTooLarge as error:
        raise TooLarge(error.problem, error.remedy) from error


def _chunk_too_large() -> TooLarge:
    problem = f"A piece of an upload has {MOST_CHUNK_BYTES >> 20} MB at most."
    return TooLarge(problem, f"Send pieces of {CHUNK_BYTES >> 20} MB.")
