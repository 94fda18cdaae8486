"""A ZIP archive that is sent while it is packed: no more than a block of it is in memory, and nothing on the disk."""

import io
from collections.abc import Iterator, Mapping
from pathlib import Path
from zipfile import ZIP_STORED, ZipFile, ZipInfo

BLOCK_BYTES = 1 << 20
GONE = "Not in this archive.txt"
"""Name of the file that lists what was deleted while the archive was sent."""


class _Outlet(io.RawIOBase):
    """What the archive is written to: it keeps the bytes until they are taken."""

    def __init__(self) -> None:
        self._waiting = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, content: "bytes | bytearray | memoryview") -> int:  # type: ignore[override]
        self._waiting += content
        return len(content)

    def take(self) -> bytes:
        """The bytes since the last call."""
        taken = bytes(self._waiting)
        self._waiting.clear()
        return taken


def zip_stream(files: Mapping[str, Path | bytes]) -> Iterator[bytes]:
    """The bytes of an archive of files or contents by their names in it; they are stored as they are, as videos are."""
    outlet, gone = _Outlet(), list[str]()
    with ZipFile(outlet, "w", ZIP_STORED) as archive:
        for name, path in files.items():
            if isinstance(path, bytes):
                archive.writestr(name, path)
                continue
            try:
                info, file = ZipInfo.from_file(path, name, strict_timestamps=False), path.open("rb")
            except FileNotFoundError:
                gone.append(name)
                continue
            with file, archive.open(info, "w") as entry:
                while block := file.read(BLOCK_BYTES):
                    entry.write(block)
                    yield outlet.take()
        if gone:
            archive.writestr(GONE, "These were deleted while the archive was sent:\n" + "\n".join(gone) + "\n")
    yield outlet.take()
