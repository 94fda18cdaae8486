"""What a service of b-roll is: what it is asked, what it offers, and what of it this machine knows.

The key of a service is a secret of whoever runs this: it comes from the environment, and is in no file, key of the
cache, event or log. It is told to the one child process that asks.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from utils.address.address import Address
from utils.address.transfer import Limits
from utils.digest import canonical_json, digest_bytes
from utils.errors import ReshootError, SettingsError
from utils.size import Size

KEY, ADDRESS = "RESHOOT_BROLL_KEY", "RESHOOT_BROLL_ADDRESS"
"""Variables of the environment. The address is no setting: an order must not choose where words and a key are sent."""
WITHOUT_KEY = f"there is no key; set {KEY} to one of yours."
MOST_BYTES, FETCHING = 256 << 20, Limits(total_s=180.0, silence_s=15.0, tries=2, tries_in_all=6)
"""What the fetch of a clip may take."""


class ServiceError(ReshootError):
    """A service of b-roll did not answer in a way that can be used."""


@dataclass(frozen=True)
class Wanted:
    """What is looked for: words, and for what film."""

    words: str
    size: Size
    language: str = ""
    """The language of the words, as `en`; empty where it is not known."""

    def told(self) -> Any:
        """All of it as JSON values."""
        return [self.words, list(self.size), self.language]


@dataclass(frozen=True)
class Offer:
    """A clip that a service offers, who made it, and under which licence."""

    name: str
    """By the service and its own number; it becomes the name of the file."""
    file: str
    page: str
    author: str
    author_page: str
    seconds: float
    service: str
    licence: str
    licence_page: str

    @property
    def digest(self) -> str:
        """A digest of which file it is, whatever signature its address bears."""
        return digest_bytes(canonical_json([self.name, Address.read(self.file).shown]))


class Service(Protocol):
    """A service of b-roll: how it is asked, and how its answers are read."""

    @property
    def name(self) -> str: ...

    @property
    def title(self) -> str:
        """Its name for people."""
        ...

    @property
    def address(self) -> str:
        """Where it is asked, where nothing else is said."""
        ...

    def query(self, wanted: Wanted) -> Mapping[str, str]:
        """The query of a search."""
        ...

    def headers(self, key: str) -> Mapping[str, str]:
        """The headers that show a key."""
        ...

    def offers(self, answer: Mapping[str, Any], wanted: Wanted) -> tuple[Offer, ...]:
        """What an answer offers, the best first; what of it cannot be used is left out."""
        ...


@dataclass(frozen=True)
class Client:
    """A service as this machine asks it."""

    service: Service
    address: Address
    key: str = field(repr=False)
    patience_s: float = 20.0
    """For all of a search."""
    limits: Limits = FETCHING
    """The limits of fetching a clip."""
    most_bytes: int = MOST_BYTES


def client_of(name: str) -> Client | None:
    """The client of a service, by its name and the environment; None without a key, with which it is off."""
    from pipeline.finish.service.pexels import PEXELS

    services = {each.name: each for each in (PEXELS,)}
    if name not in services:
        raise SettingsError(f"There is no service of b-roll {name!r:.40}.", f"There is: {', '.join(services)}.")
    key = os.environ.get(KEY, "").strip()
    if not key:
        return None
    address = Address.read(os.environ.get(ADDRESS) or services[name].address)
    if not (key.isascii() and key.isprintable()) or not address.is_private_line:
        raise SettingsError(
            f"{KEY} or {ADDRESS} cannot be used.", "The key is one line, the address begins with https."
        )
    return Client(services[name], address, key)
