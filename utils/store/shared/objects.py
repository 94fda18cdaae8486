"""Objects: named bytes in a bucket or a folder, read and written through obstore within limits of time."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from utils.progress import Cancel
from utils.store.shared.calls import Calls
from utils.store.shared.location import check_location, open_location
from utils.store.shared.trouble import NoObject, ObjectError, explained, late

if TYPE_CHECKING:
    from obstore.store import LocalStore, S3Store

ANSWER_S = 10.0
"""How long a small request may take, retries included."""
SLOWEST_BYTES_S = 1_000_000
"""A transfer that is slower is given up."""
PART_BYTES = 8 << 20
"""How much is read or sent in one request."""


@dataclass(frozen=True)
class Listed:
    """An object in a listing: its name, its size, and when it was written by the clock of the place."""

    name: str
    bytes: int
    written: datetime


class Objects:
    """The objects under a location. Whatever fails, fails as an ObjectError."""

    def __init__(self, location: str, answer_s: float = ANSWER_S) -> None:
        self.location, self._answer_s = check_location(location), answer_s
        self._calls = Calls()

    def read(self, name: str, cancel: Cancel, *, start: int = 0, most_bytes: int = PART_BYTES) -> bytes:
        """Some bytes of an object: from an offset on, as many as there are."""
        import obstore

        async def get() -> Any:
            return await obstore.get_range_async(self._store, name, start=start, length=most_bytes)

        limit_s = self._limit_s(most_bytes)
        with _explained(limit_s):
            return memoryview(self._calls.result(get, limit_s, cancel)).tobytes()

    def write(self, name: str, content: bytes | Path, cancel: Cancel) -> None:
        """Write an object, whole or not at all; one of the same name is replaced."""
        import obstore

        size = content.stat().st_size if isinstance(content, Path) else len(content)

        async def put() -> Any:
            multipart = size > PART_BYTES
            return await obstore.put_async(
                self._store, name, content, mode="overwrite", use_multipart=multipart, chunk_size=PART_BYTES,
                max_concurrency=2,
            )  # fmt: skip

        limit_s = self._limit_s(size)
        try:
            with _explained(limit_s):
                self._calls.result(put, limit_s, cancel)
        except NoObject as error:
            raise ObjectError("has no such bucket", error.remedy, lasting=True) from None

    def remove(self, name: str, cancel: Cancel) -> None:
        """Delete an object, if it is there."""
        import obstore

        async def delete() -> None:
            await obstore.delete_async(self._store, name)

        try:
            with _explained(self._answer_s):
                self._calls.result(delete, self._answer_s, cancel)
        except NoObject:
            return

    def list(self, folder: str, cancel: Cancel) -> list[Listed]:
        """Everything in a folder and in the folders in it."""
        import obstore

        found: list[Listed] = []

        async def collect() -> None:
            async for page in obstore.list(self._store, prefix=folder):
                found.extend(Listed(each["path"], each["size"], each["last_modified"]) for each in page)

        limit_s = 10 * self._answer_s
        with _explained(limit_s):
            self._calls.result(collect, limit_s, cancel)
        return found

    def top(self, cancel: Cancel) -> set[str]:
        """The names of the objects and folders that lie in no folder."""
        import obstore

        async def collect() -> Any:
            return await obstore.list_with_delimiter_async(self._store)

        with _explained(self._answer_s):
            listed = self._calls.result(collect, self._answer_s, cancel)
        return {*listed["common_prefixes"], *(each["path"] for each in listed["objects"])}

    def close(self) -> None:
        """End the calls that still run."""
        self._calls.close()

    @cached_property
    def _store(self) -> "S3Store | LocalStore":
        """Made at the first call, because making it loads the library."""
        return open_location(self.location, self._answer_s)

    def _limit_s(self, transferred_bytes: int) -> float:
        return self._answer_s + transferred_bytes / SLOWEST_BYTES_S


@contextmanager
def _explained(limit_s: float) -> Iterator[None]:
    """Turn the errors of the library into ObjectErrors."""
    from obstore.exceptions import BaseError

    try:
        yield
    except TimeoutError:
        raise late(limit_s) from None
    except (BaseError, OSError, ValueError) as error:
        raise explained(error) from None
