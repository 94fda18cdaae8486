"""Access control: middleware around the whole server that checks host, origin (CSRF) and login of each request.

Browsers send `Sec-Fetch-Site`, which names the kind of site that a request comes from, only to https addresses and
localhost. On plain http in a local network only `Origin` can be compared: browsers send it with every request whose
answer a page could read, and with every change. They request pictures and scripts without `Origin`;
`Cross-Origin-Resource-Policy` keeps other sites from using those.
"""

import os
import re
import secrets
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import quote

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ui.sessions import Authenticator

SESSION, BROWSER = "reshoot_session", "reshoot_browser"
BROWSER_S = 400 * 24 * 3600
PAGES = ("/", "/login")
"""Pages that a link on another site may open; all other requests from other sites are refused."""
OPEN, OPEN_FILES = ("/healthz", "/readyz", "/login"), "/studio/static/"
"""Paths that need no login."""
SAFE = ("GET", "HEAD")
METHODS = (*SAFE, "POST", "PATCH", "DELETE")
HOST = re.compile(
    r"(?:\[(?P<v6>[0-9a-f:.]+)\]|(?P<v4>[0-9.]+)|(?P<name>[\w-]+(?:\.[\w-]+)*))(?::(?P<port>[0-9]{1,5}))?", re.ASCII
)
SECRET = re.compile(r"[0-9a-f]{32}")
HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"content-security-policy", b"frame-ancestors 'self'; object-src 'none'; base-uri 'self'"),
)
LAST_PORT = 65535
NETWORK_BITS = 64
"""Prefix length by which IPv6 visitors are told apart: one subscriber usually has a whole /64 network."""


class AccessGuard:
    """Middleware: gives each browser a secret cookie, requires a login if one is set, and refuses foreign origins."""

    def __init__(self, app: ASGIApp, authenticator: Authenticator, hosts: tuple[str, ...]) -> None:
        self._app, self._authenticator, self._names = app, authenticator, {"localhost", *map(str.lower, hosts)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close"})
            return
        request = Request(scope)
        sent = request.cookies.get(BROWSER, "")
        owner = sent if SECRET.fullmatch(sent) else secrets.token_hex(16)
        scope.setdefault("state", {}).update(owner=owner, known=owner == sent)
        answer = self._check_origin(request) or self._check_login(request) or self._app
        await answer(scope, receive, _with_headers(send, owner if owner != sent else None, request))

    def _check_origin(self, request: Request) -> Response | None:
        """Refuse what this app's own page never sends: other methods, hosts and origins; None if it is allowed."""
        path, method, headers = request.scope["path"], request.method, request.headers
        if method not in METHODS:
            return _no(405, "Requests of this kind are not answered.", f"Use one of {', '.join(METHODS)}.")
        hosts = headers.getlist("host")
        host = host_of(hosts[0]) if len(hosts) == 1 else None
        if host is None or host_of(_here(headers)) is None:
            return _no(400, "The request does not name one host.", "Open the address that the app said at its start.")
        if not self._authenticator.requires_login and host not in self._names and not _is_address(host):
            return _no(403, "This name is not one that this app answers to.", "Start it with --auth user:password.")
        if _is_foreign(headers) and not (method in SAFE and path in PAGES and _opens_a_page(headers)):
            return _no(403, "This request comes from another site.", "Use the app's own page.")
        if path.startswith("/studio/") and method not in SAFE and "x-reshoot" not in headers:
            return _no(403, "Requests that change something come from the app's own page.", "Send `X-Reshoot: 1`.")
        return None

    def _check_login(self, request: Request) -> Response | None:
        """Refuse a request without a valid session, or redirect it to the login page; None if it is allowed."""
        path, headers = request.scope["path"], request.headers
        if not self._authenticator.requires_login or path in OPEN or path.startswith(OPEN_FILES):
            return None
        if self._authenticator.user_of(request.cookies.get(SESSION, "")):
            return None
        if request.method in SAFE and "text/html" in headers.get("accept", ""):
            return RedirectResponse(f"/login?next={quote(path)}", 303)
        return _no(401, "You are not signed in.", "Open the page again and sign in.")


def _with_headers(send: Send, owner: str | None, request: Request) -> Send:
    """Add the common security headers to the response, and the secret cookie of a new browser."""

    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = list(message.get("headers", ()))
            present = {name for name, _ in headers}
            headers += (header for header in HEADERS if header[0] not in present)
            if owner:
                headers.append((b"set-cookie", cookie(request, BROWSER, owner, BROWSER_S).encode()))
            message["headers"] = headers
        await send(message)

    return send_with_headers


def cookie(request: Request, name: str, value: str, seconds: int) -> str:
    """A `Set-Cookie` value: SameSite=Lax, HttpOnly, and Secure if the request came over TLS."""
    secure = request.url.scheme == "https" or request.headers.get("x-forwarded-proto") == "https"
    return f"{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{'; Secure' if secure else ''}"


def visitor(request: Request) -> str:
    """Identity for rate limits: the secret cookie of a known browser, else the network address."""
    state = request.scope.get("state", {})
    return str(state["owner"]) if state.get("known") else address(request)


def address(request: Request) -> str:
    """The client's IPv4 address or IPv6 network.

    On a pod it is the last entry of `X-Forwarded-For`, which RunPod's proxy adds; clients can forge all others.
    """
    forwarded = request.headers.getlist("x-forwarded-for") if "RUNPOD_POD_ID" in os.environ else []
    last = forwarded[-1].rpartition(",")[2].strip() if forwarded else ""
    for text in (last, request.client.host if request.client else ""):
        try:
            ip = ip_address(text)
        except ValueError:
            continue
        if isinstance(ip, IPv6Address):
            return str(ip.ipv4_mapped or ip_network((ip, NETWORK_BITS), strict=False))
        return str(ip)
    return ""


def host_of(header: str) -> str | None:
    """The name or address in a `Host` header, without its port; None if the header is malformed."""
    parts = HOST.fullmatch(header.lower())
    if parts is None or int(parts["port"] or 0) > LAST_PORT:
        return None
    try:
        return parts["name"] or str(IPv6Address(parts["v6"]) if parts["v6"] else IPv4Address(parts["v4"]))
    except ValueError:
        return None


def _is_address(host: str) -> bool:
    return ":" in host or host.replace(".", "").isdigit()


def _is_foreign(headers: Headers) -> bool:
    """Whether a browser says that a page of another origin sent this request; another port is another origin."""
    if "sec-fetch-site" in headers:
        return headers["sec-fetch-site"] not in ("same-origin", "none")
    if "origin" not in headers:
        return False
    scheme, _, host = headers["origin"].partition("://")
    return host.lower() != _here(headers).lower() or scheme != (_first(headers, "x-forwarded-proto") or scheme)


def _opens_a_page(headers: Headers) -> bool:
    """Whether the browser navigates to a page, as for a link.

    Browsers send these headers together with `Sec-Fetch-Site`, so a foreign request either has them all or none.
    """
    return headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") == "document"


def _here(headers: Headers) -> str:
    """The host by which the browser addressed this server, also through a proxy."""
    return _first(headers, "x-forwarded-host") or headers["host"]


def _first(headers: Headers, name: str) -> str:
    """The first value of a comma-separated header: that of the proxy nearest to the browser."""
    return headers.get(name, "").partition(",")[0].strip()


def _no(status: int, problem: str, remedy: str) -> Response:
    return JSONResponse({"problem": problem, "remedy": remedy}, status)
