"""Pexels: clips under a licence that asks for no payment; its search of videos as its documentation describes it."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from pipeline.finish.service.service import Offer, Wanted
from utils.address.address import Address
from utils.errors import AddressError
from utils.size import Size
from utils.uploads import plain_title

LOCALES = (
    "en-US", "pt-BR", "es-ES", "ca-ES", "de-DE", "it-IT", "fr-FR", "sv-SE", "id-ID", "pl-PL", "ja-JP", "zh-TW", "zh-CN",
    "ko-KR", "th-TH", "nl-NL", "hu-HU", "vi-VN", "cs-CZ", "da-DK", "fi-FI", "uk-UA", "el-GR", "ro-RO", "nb-NO", "sk-SK",
    "tr-TR", "ru-RU",
)  # fmt: skip
PER_PAGE, MOST_READ = 15, 80
LONGEST_S = 3600


@dataclass(frozen=True)
class Pexels:
    """The service."""

    name: str = "pexels"
    title: str = "Pexels"
    address: str = "https://api.pexels.com/videos/search"

    def query(self, wanted: Wanted) -> Mapping[str, str]:
        """Words, how the film stands, and the language of the words."""
        width, height = wanted.size
        stands = "square" if width == height else "landscape" if width > height else "portrait"
        query = {"query": wanted.words, "per_page": str(PER_PAGE), "orientation": stands}
        locale = next((each for each in LOCALES if wanted.language and each.startswith(f"{wanted.language}-")), None)
        return query | ({"locale": locale} if locale else {})

    def headers(self, key: str) -> Mapping[str, str]:
        """The key alone, without a word before it."""
        return {"Authorization": key}

    def offers(self, answer: Mapping[str, Any], wanted: Wanted) -> tuple[Offer, ...]:
        """The videos of an answer that can be used."""
        return tuple(self._offers(answer.get("videos"), wanted))

    def _offers(self, videos: Any, wanted: Wanted) -> Iterator[Offer]:
        for video in islice(videos, MOST_READ) if isinstance(videos, list) else ():
            try:
                number, seconds, maker = int(video["id"]), float(video["duration"]), video["user"]
                file, page, by = _best(video["video_files"], wanted.size), video["url"], maker["url"]
                if not (file and 0 < seconds <= LONGEST_S and 0 < number < 10**15):
                    continue
                addresses = [Address.read(str(each)) for each in (page, by)]
                own = (plain_title(str(maker["name"])), addresses[1].shown, seconds)
            except (AttributeError, KeyError, TypeError, ValueError, AddressError):
                continue
            licence = (self.title, "Pexels License", "https://www.pexels.com/license/")
            yield Offer(f"{self.name}-{number}", file, addresses[0].shown, *own, *licence)


PEXELS = Pexels()


def _best(files: Any, size: Size) -> str | None:
    """The smallest MP4 that is no smaller than the film, or else the largest; only by https, or from this machine."""
    found = list[tuple[bool, int, str]]()
    for file in files:
        width, height, link = file.get("width"), file.get("height"), str(file.get("link", ""))
        if not (isinstance(width, int) and isinstance(height, int) and width > 0 and height > 0):
            continue
        if re.fullmatch(r"video/mp4", str(file.get("file_type"))) and Address.read(link).is_private_line:
            small = width < size.width_px or height < size.height_px
            found.append((small, -width * height if small else width * height, link))
    return min(found)[2] if found else None
