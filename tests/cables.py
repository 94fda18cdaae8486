"""Cables from workers to a database: TCP proxies on loopback that are cut, as networks are, and mended."""

import asyncio
import threading
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

PART_BYTES = 1 << 16


class Cut(Enum):
    """How a cable is cut: what it does to connections that are there, and to new ones."""

    REFUSED = "refused"
    """All are reset."""
    MUTE = "mute"
    """Nothing passes, and nobody is told; what was on its way is lost."""
    DEAF = "deaf"
    """What is said arrives; the answers are lost. Nobody can know whether a change was made."""


@dataclass
class Cable:
    """A proxy of its own for each worker, to the Unix socket of a server."""

    socket: str
    address: str = "127.0.0.1"
    port: int = 0
    _cut: Cut | None = None
    _ends: set[asyncio.StreamWriter] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._whole = asyncio.Event()
        self._whole.set()
        self._thread = threading.Thread(target=self._loop.run_forever, name="cable", daemon=True)
        self._thread.start()
        self._server = self._do(asyncio.start_server(self._connected, self.address, 0))
        self.port = int(self._server.sockets[0].getsockname()[1])

    def cut(self, how: Cut) -> None:
        """Cut it, until it is mended."""
        self._do(self._set(how))

    def mend(self) -> None:
        """Reset what stood still, and let new connections pass."""
        self._do(self._set(None))

    def close(self) -> None:
        """Cut all connections, and take no more."""
        self._do(self._set(Cut.REFUSED))
        self._do(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _do(self, what: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(what, self._loop).result(10)

    async def _set(self, how: Cut | None) -> None:
        self._cut = how
        if how is None or how is Cut.REFUSED:
            for each in self._ends:
                each.transport.abort()
        if how is None:
            self._whole.set()
        else:
            self._whole.clear()

    async def _stop(self) -> None:
        self._server.close()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._cut is Cut.REFUSED:
            writer.transport.abort()
            return
        self._ends.add(writer)
        with suppress(OSError, asyncio.CancelledError):
            if self._cut is Cut.MUTE:
                await self._whole.wait()
            there, to = await asyncio.open_unix_connection(self.socket)
            self._ends.add(to)
            ways = self._pass(reader, to, {Cut.MUTE}), self._pass(there, writer, {Cut.MUTE, Cut.DEAF})
            await asyncio.gather(*ways)
            self._ends.discard(to)
        writer.transport.abort()
        self._ends.discard(writer)

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, held: set[Cut]) -> None:
        """Pass on what comes, until either end is closed."""
        with suppress(OSError):
            while part := await reader.read(PART_BYTES):
                if self._cut in held:
                    await self._whole.wait()
                    break
                writer.write(part)
                await writer.drain()
        writer.transport.abort()
