"""The guard: middleware before everything that this server answers, which decides who may ask for what.

Browsers say with `Sec-Fetch-Site` whose page sent a request, but only to https addresses and localhost. On plain http
in a local network only `Origin` can be compared. It comes with all that a page could read or change; pictures and
scripts come without, and `Cross-Origin-Resource-Policy` keeps those from other pages.
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

from ui.sessions import Keys

SESSION, BROWSER = "reshoot_session", "reshoot_browser"
BROWSER_S = 400 * 24 * 3600
PAGES = ("/", "/login")
"""What a link on another site may open; other sites are answered nothing else."""
OPEN, OPEN_FILES = ("/healthz", "/readyz", "/login"), "/studio/static/"
"""What is answered without a login."""
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
"""Whoever has one IPv6 address usually has as many as fit behind these bits."""


class Guard:
    """Middleware: signs browsers, asks for a login where there is one, and refuses what other sites send."""

    def __init__(self, app: ASGIApp, keys: Keys, hosts: tuple[str, ...]) -> None:
        self._app, self._keys, self._names = app, keys, {"localhost", *map(str.lower, hosts)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close"})
            return
        request = Request(scope)
        said = request.cookies.get(BROWSER, "")
        owner = said if SECRET.fullmatch(said) else secrets.token_hex(16)
        scope.setdefault("state", {}).update(owner=owner, known=owner == said)
        answer = self._refused(request) or self._unsigned(request) or self._app
        await answer(scope, receive, _dressed(send, owner if owner != said else None, request))

    def _refused(self, request: Request) -> Response | None:
        """What no browser asks that shows this app's own page; None when that may be."""
        path, method, headers = request.scope["path"], request.method, request.headers
        if method not in METHODS:
            return _no(405, "Requests of this kind are not answered.", f"Use one of {', '.join(METHODS)}.")
        hosts = headers.getlist("host")
        host = host_of(hosts[0]) if len(hosts) == 1 else None
        if host is None or host_of(_here(headers)) is None:
            return _no(400, "The request does not name one host.", "Open the address that the app said at its start.")
        if not self._keys.ask and host not in self._names and not _is_address(host):
            return _no(403, "This name is not one that this app answers to.", "Start it with --auth user:password.")
        if _is_foreign(headers) and not (method in SAFE and path in PAGES and _opens_a_page(headers)):
            return _no(403, "This request comes from another site.", "Use the app's own page.")
        if path.startswith("/studio/") and method not in SAFE and "x-reshoot" not in headers:
            return _no(403, "Requests that change something come from the app's own page.", "Send `X-Reshoot: 1`.")
        return None

    def _unsigned(self, request: Request) -> Response | None:
        """What is asked without a login that needs one; None when it may be."""
        path, headers = request.scope["path"], request.headers
        if not self._keys.ask or path in OPEN or path.startswith(OPEN_FILES):
            return None
        if self._keys.reads(request.cookies.get(SESSION, "")):
            return None
        if request.method in SAFE and "text/html" in headers.get("accept", ""):
            return RedirectResponse(f"/login?next={quote(path)}", 303)
        return _no(401, "You are not signed in.", "Open the page again and sign in.")


def _dressed(send: Send, owner: str | None, request: Request) -> Send:
    """Every answer gets the headers that all have, and a new browser its secret."""

    async def dressed(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = list(message.get("headers", ()))
            present = {name for name, _ in headers}
            headers += (each for each in HEADERS if each[0] not in present)
            if owner:
                headers.append((b"set-cookie", cookie(request, BROWSER, owner, BROWSER_S).encode()))
            message["headers"] = headers
        await send(message)

    return dressed


def cookie(request: Request, name: str, value: str, seconds: int) -> str:
    """For this server's own pages alone, unseen by scripts, over TLS only where there is TLS."""
    secure = request.url.scheme == "https" or request.headers.get("x-forwarded-proto") == "https"
    return f"{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{'; Secure' if secure else ''}"


def visitor(request: Request) -> str:
    """Who asks: the browser that brought its secret along, or whoever has this address."""
    state = request.scope.get("state", {})
    return str(state["owner"]) if state.get("known") else address(request)


def address(request: Request) -> str:
    """Where a request comes from; on a pod the last address that its proxy noted, as all others can be made up."""
    noted = request.headers.getlist("x-forwarded-for") if "RUNPOD_POD_ID" in os.environ else []
    for said in (noted[-1].rpartition(",")[2].strip() if noted else "", request.client.host if request.client else ""):
        try:
            found = ip_address(said)
        except ValueError:
            continue
        if isinstance(found, IPv6Address):
            return str(found.ipv4_mapped or ip_network((found, NETWORK_BITS), strict=False))
        return str(found)
    return ""


def host_of(said: str) -> str | None:
    """The name or the address in a `Host` header, without its port; None when it holds no such thing."""
    parts = HOST.fullmatch(said.lower())
    if parts is None or int(parts["port"] or 0) > LAST_PORT:
        return None
    try:
        return parts["name"] or str(IPv6Address(parts["v6"]) if parts["v6"] else IPv4Address(parts["v4"]))
    except ValueError:
        return None


def _is_address(host: str) -> bool:
    return ":" in host or host.replace(".", "").isdigit()


def _is_foreign(headers: Headers) -> bool:
    """Whether a browser says that a page of another origin sent this; another port is another origin."""
    if "sec-fetch-site" in headers:
        return headers["sec-fetch-site"] not in ("same-origin", "none")
    if "origin" not in headers:
        return False
    scheme, _, host = headers["origin"].partition("://")
    return host.lower() != _here(headers).lower() or scheme != (_first(headers, "x-forwarded-proto") or scheme)


def _opens_a_page(headers: Headers) -> bool:
    """Whether somebody followed a link. Where browsers do not say so, they say nothing of other sites either."""
    return headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") == "document"


def _here(headers: Headers) -> str:
    """The host by which the browser reached this server, through a proxy or not."""
    return _first(headers, "x-forwarded-host") or headers["host"]


def _first(headers: Headers, name: str) -> str:
    """What the proxy said that is nearest to the browser."""
    return headers.get(name, "").partition(",")[0].strip()


def _no(status: int, problem: str, remedy: str) -> Response:
    return JSONResponse({"problem": problem, "remedy": remedy}, status)
