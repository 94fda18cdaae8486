"""An http(s) address of a file, read strictly: what is asked of a server, and what of it may be shown.

The query of an address may be a secret, as that of a signed address is: it is asked for, and never shown or stored.
"""

import re
from dataclasses import dataclass, field
from ipaddress import IPv6Address
from urllib.parse import quote, unquote, urljoin, urlsplit

from utils.digest import digest_bytes
from utils.errors import AddressError
from utils.uploads import plain_title

PORTS = {"http": 80, "https": 443}
LEAST_OWN_PORT, LAST_PORT = 1024, 65535
"""Below are services of other kinds, which must not be talked to in the name of a visitor."""
LONGEST = 8192
LOOPBACK = ("localhost", "127.0.0.1", "::1")
NAME = re.compile(r"[a-z0-9_]([a-z0-9_.-]{0,251}[a-z0-9_])?")
KEPT_IN_PATH, KEPT_IN_QUERY = "/%:@!$&'()*+,;=~-._", "/%:@!$&'()*+,;=~-._?[]{}|\"<>^`"


def is_address(text: str) -> bool:
    """Whether a text is meant as an http(s) address, and not as a file."""
    return re.match(r"https?:/", text.strip(), re.I) is not None


@dataclass(frozen=True)
class Address:
    """Where a file is asked for. Without a name and password, for which there is no place in it."""

    scheme: str
    host: str
    """In ASCII, without the brackets of an IPv6 address, and without a dot at its end."""
    port: int
    path: str
    query: str = field(default="", repr=False)

    @classmethod
    def read(cls, text: str) -> "Address":
        """The address that a text is; AddressError says what is wrong with it."""
        text = text.strip()
        if len(text) > LONGEST or re.search(r"[\x00-\x1f\x7f\\]", text):
            raise AddressError("This address cannot be read.", "Copy it from the browser once more.")
        try:
            parts = urlsplit(text)
            scheme, netloc, host, port = parts.scheme.lower(), parts.netloc, parts.hostname or "", parts.port
        except ValueError as error:
            raise AddressError("This address cannot be read.", "Copy it from the browser once more.") from error
        if scheme not in PORTS or not host:
            raise AddressError(
                "Only addresses that begin with https:// or http:// are fetched.", "Give one, or the file itself."
            )
        if "@" in netloc:
            raise AddressError(
                "This address has a name or a password before its @, which would be shown and stored.",
                "Give an address that works without them, or download the file and give that.",
            )
        path = quote(parts.path, safe=KEPT_IN_PATH) or "/"
        query = quote(parts.query, safe=KEPT_IN_QUERY)
        return cls(scheme, _plain_host(host), _allowed_port(scheme, port), path, query)

    def redirected(self, location: str) -> "Address":
        """Where a server leads from here; AddressError if that may not be followed."""
        target = Address.read(urljoin(self.whole, location))
        if self.scheme == "https" and target.scheme == "http":
            raise AddressError(
                f"{self.host} leads from https to http, where others can read and change the file.",
                "Ask whoever runs it for an https address, or download the file and give that.",
            )
        return target

    @property
    def is_private_line(self) -> bool:
        """Whether nobody on the way can read what is asked and answered: by https, or on this machine."""
        return self.scheme == "https" or self.host in LOOPBACK

    @property
    def target(self) -> str:
        """What its server is asked for."""
        return f"{self.path}?{self.query}" if self.query else self.path

    @property
    def authority(self) -> str:
        """Its host, and its port where that is not the usual one, as the header `Host` has them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def shown(self) -> str:
        """The address without its query: for people, and for what is stored."""
        return f"{self.scheme}://{self.authority}{self.path}"

    @property
    def title(self) -> str:
        """A name of the file for people: the last part of the path, or else the host."""
        last = unquote(self.path.rstrip("/").rpartition("/")[2])
        return plain_title(last) if last else self.host

    @property
    def digest(self) -> str:
        """A digest of all of it, by which a fetch that was cut off is found again."""
        return digest_bytes(self.whole.encode())

    @property
    def whole(self) -> str:
        """The address with its query, which is for nobody but its server."""
        return f"{self.scheme}://{self.authority}{self.target}"


def _plain_host(host: str) -> str:
    """A host in ASCII; AddressError for what is no name and no IP address."""
    try:
        if ":" in host:
            return str(IPv6Address(host)) if "%" not in host else _refuse_host(host)
        if not host.isascii():
            import idna  # a dependency of anyio, and so of Gradio

            host = idna.encode(host, uts46=True).decode()
    except ValueError:
        return _refuse_host(host)
    host = host.lower().removesuffix(".")
    return host if NAME.fullmatch(host) else _refuse_host(host)


def _refuse_host(host: str) -> str:
    raise AddressError(f"{host[:80]!r} is not a name of a server.", "Copy the address from the browser once more.")


def _allowed_port(scheme: str, port: int | None) -> int:
    """A port, by default that of the scheme; AddressError for one that belongs to a service of another kind."""
    port = PORTS[scheme] if port is None else port
    if port not in PORTS.values() and not LEAST_OWN_PORT <= port <= LAST_PORT:
        raise AddressError(f"Port {port} is not one from which files are fetched.", "Use 80, 443, or one from 1024 on.")
    return port
