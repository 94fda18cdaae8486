"""Clips of a service: fetched once, looked at by a guarded child, and laid beside a plan with who made them."""

import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from pipeline.finish.service.service import Client, Offer
from pipeline.run import Run
from pipeline.stage import Stage, Work
from utils.address.address import Address
from utils.address.arriving import Arriving
from utils.atomic_file import explained, replacing, write_atomically
from utils.media.intake import probe
from utils.uploads import Uploads

CLIP, FOLDER, CREDITS = "clip.mp4", "broll", "CREDITS.md"
SLACK_S = 10.0
HEADER = """\
# Who made the b-roll

Found by `python -m pipeline finish plan`. Name the makers where you show the film; the licences say what else holds.

"""


@dataclass(frozen=True)
class OfferedFile:
    """The file of an offer, on its way."""

    client: Client
    offer: Offer

    @property
    def digest(self) -> str:
        return self.offer.digest


def laid_beside(plan_folder: Path, words: str, file: OfferedFile, run: Run) -> Path:
    """The clip of an offer in a folder beside a plan, credited there; an error says why it cannot be used."""
    offer, folder = file.offer, plan_folder / FOLDER
    path = folder / f"{offer.name}.mp4"
    if not path.exists():
        entry = run.take(CLIP_OF_SERVICE, file=file)
        with explained(path):
            folder.mkdir(exist_ok=True)
            with replacing(path) as part:
                shutil.copyfile(entry.path(CLIP), part)
    with explained(folder / CREDITS):
        _credit(folder / CREDITS, offer, words)
    return path


def _credit(path: Path, offer: Offer, words: str) -> None:
    """Add a clip to the credits; those that are there stay as people left them."""
    known = path.read_text("utf-8") if path.exists() else HEADER
    if f"]({offer.name}.mp4)" in known:
        return
    maker = f"[{_plain(offer.author)}]({_target(offer.author_page)})"
    licence = f"[{offer.licence}]({offer.licence_page})"
    page = f"[{offer.service}]({_target(offer.page)})"
    line = f"- [{offer.name}.mp4]({offer.name}.mp4): by {maker} at {page}, {licence}; found for {_plain(words)!r}."
    write_atomically(path, f"{known.rstrip()}\n{'' if known != HEADER else chr(10)}{line}\n")


def _plain(text: str) -> str:
    """A text that means nothing but itself in Markdown."""
    return re.sub(r"([\\`*_\[\]<>#|])", r"\\\1", text)


def _target(address: str) -> str:
    """An address as the target of a link in Markdown."""
    return address.replace("(", "%28").replace(")", "%29")


def _fetch(work: Work) -> None:
    file: OfferedFile = work.inputs["file"]
    client, address = file.client, Address.read(file.offer.file)
    folder = work.folder / "arriving"
    uploads = Uploads(folder, client.most_bytes)
    upload = uploads.begin(f"{file.offer.name}.mp4", 1)
    arriving = Arriving(folder, upload, address, client.most_bytes, client.limits, SLACK_S)
    arriving.listen(lambda progress: work.report(progress.done, progress.total), work.cancel)
    with uploads.whole(upload) as (part, _):
        part.rename(work.folder / CLIP)
    shutil.rmtree(folder)
    probe(work.folder / CLIP)


CLIP_OF_SERVICE = Stage("broll clip", version=1, run=_fetch, tools=("av",))
