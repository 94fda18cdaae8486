"""Stores settings inside a finished MP4, as an XMP packet in a `uuid` box at the end, so that no other byte changes.

Players skip the box; programs that know XMP show who made the file. Reading treats the file as untrusted: only box
headers and one small box are read, the XML may contain no declarations (no entity expansion), and the JSON in it is
limited.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any, BinaryIO, NoReturn
from xml.parsers import expat

from utils.errors import UnreadableClip, WriteError
from utils.untrusted_json import read_object

UUID = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
"""Type of an MP4 `uuid` box that holds XMP."""
NAMESPACE = "urn:reshoot:xmp:1.0/"
MOST_BYTES = 1 << 20
MOST_BOXES = 4096
HEADER_BYTES = 8
DESCRIPTION = "Made with Reshoot, which can read the settings that made it from this file."
PACKET = """\
<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about="" xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/"
    xmlns:reshoot="{namespace}">
   <xmp:CreatorTool>Reshoot</xmp:CreatorTool>
   <dc:description><rdf:Alt><rdf:li xml:lang="x-default">{description}</rdf:li></rdf:Alt></dc:description>
   <reshoot:document>{document}</reshoot:document>
  </rdf:Description>
 </rdf:RDF>
</x:xmpmeta>
<?xpacket end="r"?>"""


@dataclass(frozen=True, slots=True)
class _Box:
    """A top-level box of an MP4: offsets of its start, its content and its end."""

    kind: bytes
    start: int
    content: int
    stop: int
    """0 if the file gives no size, which means that the box extends to the end of the file."""


def write_settings(path: Path, document: Mapping[str, Any], description: str = DESCRIPTION) -> None:
    """Append a document of plain values to an MP4, replacing one that was written before.

    `description` is shown to people by other programs. The file is changed in place; atomicity is up to the caller.
    """
    text = json.dumps(document, allow_nan=False)
    packet = PACKET.format(
        namespace=NAMESPACE, description=escape(description, quote=False), document=escape(text, quote=False)
    ).encode()
    box = (HEADER_BYTES + len(UUID) + len(packet)).to_bytes(4, "big") + b"uuid" + UUID + packet
    if len(box) > MOST_BYTES or _document(packet) != json.loads(text):
        _refuse(path, "these settings do not fit into it")
    try:
        with path.open("r+b") as file:
            boxes = list(_boxes(file))
            if not boxes or boxes[0].kind != b"ftyp" or boxes[-1].stop != file.seek(0, 2):
                _refuse(path, "it is not a whole MP4")
            end = _remove_earlier(file, boxes)
            file.seek(end)
            file.write(box)
            file.truncate()
    except OSError as error:
        _refuse(path, error.strerror or str(error))


def read_settings(path: Path) -> dict[str, Any] | None:
    """The document that was written into a file; None if there is none or it is malformed."""
    with _opened(path) as file:
        for number, box in enumerate(_boxes(file)):
            if number == 0 and box.kind != b"ftyp":
                return None
            if (packet := _packet(file, box)) and (document := _document(packet)) is not None:
                return document
    return None


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    try:
        with path.open("rb") as file:
            yield file
    except OSError as error:
        raise UnreadableClip(
            f"{path.name!r} cannot be read ({error.strerror}).", "Check its path and its permissions."
        ) from error


def _boxes(file: BinaryIO) -> Iterator[_Box]:
    """The top-level boxes, up to the first one whose size is invalid."""
    end, start = file.seek(0, 2), 0
    for _ in range(MOST_BOXES):
        file.seek(start)
        head = file.read(HEADER_BYTES)
        if len(head) < HEADER_BYTES:
            return
        size, content = int.from_bytes(head[:4], "big"), start + HEADER_BYTES
        if size == 1:
            size, content = int.from_bytes(file.read(8), "big"), content + 8
        if size == 0:
            yield _Box(head[4:], start, content, 0)
            return
        if start + size > end or start + size < content:
            return
        yield _Box(head[4:], start, content, start + size)
        start += size


def _packet(file: BinaryIO, box: _Box) -> bytes | None:
    """The XMP packet in a box; None if it is another kind of box, or too large."""
    if box.kind != b"uuid" or not box.content + len(UUID) <= box.stop <= box.content + MOST_BYTES:
        return None
    file.seek(box.content)
    content = file.read(box.stop - box.content)
    return content[len(UUID) :] if content.startswith(UUID) else None


def _remove_earlier(file: BinaryIO, boxes: list[_Box]) -> int:
    """Remove earlier boxes of ours; returns the offset for a new one.

    One at the end is to be overwritten; any other becomes a `free` box, so that nothing else moves.
    """
    end = boxes[-1].stop
    for box in reversed(boxes):
        packet = _packet(file, box)
        if packet is None or _document(packet) is None:
            continue
        if box.stop == end:
            end = box.start
        else:
            file.seek(box.start + 4)
            file.write(b"free")
    return end


def _document(packet: bytes) -> dict[str, Any] | None:
    """The document in an XMP packet; None if there is none, or the packet is malformed."""
    texts: list[str] = []
    open_in: list[str] = []
    parser = expat.ParserCreate("UTF-8", "|")

    def start(name: str, attributes: Mapping[str, str]) -> None:
        open_in.append(name)

    def end(name: str) -> None:
        open_in.pop()

    def text(part: str) -> None:
        if open_in and open_in[-1] == f"{NAMESPACE}|document":
            texts.append(part)

    def refused(*_: object) -> NoReturn:
        raise ValueError("a packet declares nothing")

    parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = start, end, text
    parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = refused
    try:
        parser.Parse(packet, True)
        document = read_object("".join(texts))
        json.dumps(document, ensure_ascii=False).encode()  # raises for a lone surrogate
    except (expat.ExpatError, ValueError):
        return None
    return document


def _refuse(path: Path, why: str) -> NoReturn:
    raise WriteError(
        f"Settings could not be written into {path.name!r}: {why}.", "The clip itself is whole; keep its settings.json."
    )
