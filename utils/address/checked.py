"""Connections to hosts of the internet only: a name is resolved once, and the connection goes to the checked answer.

Looking a name up a second time, for the connection, would let its owner answer differently (DNS rebinding). So what is
resolved here is what is connected to, while the certificate is checked for the name.

By `http.client`, whose `connect` is the place to say so. httpx has no public one, and safehttpx, which Gradio brings
too, asks a name server of its own choice, looks into no addresses that embed others, and follows no redirects.
"""

import http.client
import os
import socket
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Protocol

from utils.address.address import Address
from utils.errors import AddressError

VARIABLE = "RESHOOT_PRIVATE_ADDRESSES"
"""Variable of the environment that, set to 1, also allows the addresses of private networks and of this machine."""
CONNECT_S = 10.0
GLOBAL_IPV6 = ip_network("2000::/3")
NAT64 = ip_network("64:ff9b::/96")
NEVER = tuple(map(ip_network, ("192.88.99.0/24", "2001::/23", "2001:db8::/32", "3fff::/20")))
"""Relays, tunnels and documentation, which Python 3.11 does not count all."""
PRIVATE = tuple(
    map(
        ip_network,
        ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "127.0.0.0/8", "::1/128", "fc00::/7"),
    )
)


class Resolver(Protocol):
    """Finds all IP addresses of a name."""

    def __call__(self, host: str, port: int) -> Sequence[str]:
        """The addresses as text, the best first; OSError if there are none."""
        ...


def system_resolver(host: str, port: int) -> Sequence[str]:
    """What the system answers."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(info[4][0]) for info in found))


def private_allowed() -> bool:
    """Whether the environment allows private addresses."""
    return os.environ.get(VARIABLE, "").lower() in ("1", "true", "yes", "on")


def is_allowed(text: str, private: bool = False) -> bool:
    """Whether an IP address is one of the internet, or, where that is allowed, of a private network or this machine."""
    try:
        ip = ip_address(text)
    except ValueError:
        return False
    if isinstance(ip, IPv6Address) and (inner := _embedded(ip)):
        return is_allowed(str(inner), private)
    if any(ip in network for network in PRIVATE):
        return private
    if isinstance(ip, IPv6Address) and ip not in GLOBAL_IPV6:
        return False
    return ip.is_global and not ip.is_multicast and not any(ip in network for network in NEVER)


def _embedded(ip: IPv6Address) -> IPv4Address | None:
    """The IPv4 address to which an IPv6 address leads: mapped, 6to4 or NAT64."""
    return ip.ipv4_mapped or ip.sixtofour or (IPv4Address(int(ip) & 0xFFFFFFFF) if ip in NAT64 else None)


@dataclass(frozen=True)
class Gate:
    """Opens connections to allowed hosts, and to no others."""

    private: bool = False
    resolver: Resolver = system_resolver
    trust: ssl.SSLContext = field(default_factory=ssl.create_default_context)
    """Whose certificates are believed: by default those of the system, or of SSL_CERT_FILE."""

    def connection(self, address: Address, silence_s: float) -> http.client.HTTPConnection:
        """A connection, not open yet, to the host of an address; AddressError if that has one answer not allowed."""
        return _CheckedConnection(address, self._resolved(address), self.trust, silence_s)

    def _resolved(self, address: Address) -> Sequence[str]:
        try:
            found = self.resolver(address.host, address.port)
        except (OSError, UnicodeError) as error:
            if isinstance(error, socket.gaierror) and error.errno == socket.EAI_AGAIN:
                raise ConnectionError(f"The name {address.host!r} could not be looked up.") from error
            raise AddressError(
                f"There is no server of the name {address.host!r}.", "Check the address, and whether you are online."
            ) from error
        if not found or not all(is_allowed(each, self.private) for each in found):
            raise AddressError(
                f"{address.host} is in a private network or on this machine, and nothing is fetched from there.",
                f"Download the file and give that; on a network of your own, set {VARIABLE}=1.",
            )
        return found


class _CheckedConnection(http.client.HTTPConnection):
    """A connection to one of the checked IP addresses, and to nothing else; no proxy of the environment is used."""

    def __init__(self, address: Address, found: Sequence[str], trust: ssl.SSLContext, silence_s: float) -> None:
        super().__init__(address.host, address.port)
        self._address, self._found, self._trust, self._silence_s = address, found, trust, silence_s

    def connect(self) -> None:
        """Connect to the first checked IP address that answers; with https the certificate must be that of the name."""
        plain = self._first()
        try:
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            https = self._address.scheme == "https"
            self.sock = self._trust.wrap_socket(plain, server_hostname=self._address.host) if https else plain
            self.sock.settimeout(self._silence_s)
        except BaseException:
            plain.close()
            raise

    def _first(self) -> socket.socket:
        failed: OSError = ConnectionError("It has no address.")
        for ip in self._found:
            try:
                return socket.create_connection((ip, self._address.port), CONNECT_S)
            except OSError as error:
                failed = error
        raise failed
