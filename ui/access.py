"""The guard at the door: who is asking, and whether they may. It stands before everything that this server answers."""

import ipaddress
import secrets
from collections.abc import Mapping
from http.cookies import CookieError, SimpleCookie
from urllib.parse import quote, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ui.sessions import Keys

SESSION, BROWSER = "reshoot_session", "reshoot_browser"
BROWSER_S = 400 * 24 * 3600
OPEN = ("/healthz", "/readyz", "/login", "/studio/static/")
SAFE = ("GET", "HEAD", "OPTIONS")
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Content-Security-Policy": "frame-ancestors 'self'; object-src 'none'; base-uri 'self'",
}


class Guard:
    """Middleware: signs browsers, asks for a login where there is one, and refuses what other sites send."""

    def __init__(self, app: ASGIApp, keys: Keys, hosts: tuple[str, ...]) -> None:
        self._app, self._keys, self._hosts = app, keys, hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return
        request = Request(scope)
        cookies = _cookies(request.headers)
        owner = cookies.get(BROWSER, "")
        fresh = not _is_secret(owner)
        scope.setdefault("state", {})["owner"] = secrets.token_hex(16) if fresh else owner
        answer = self._refused(request, cookies) or self._app
        await answer(scope, receive, _dressed(send, scope["state"]["owner"] if fresh else None, request))

    def _refused(self, request: Request, cookies: Mapping[str, str]) -> Response | None:
        """Why this goes no further; None when it may."""
        path = request.url.path
        if not self._keys.ask and not _is_known(request.headers.get("host", ""), self._hosts):
            return _no(403, "This name is not one that this app answers to.", "Start it with --auth user:password.")
        if path.startswith("/studio/") and request.method not in SAFE and "x-reshoot" not in request.headers:
            return _no(403, "Requests that change something come from the app's own page.", "Send `X-Reshoot: 1`.")
        if request.method not in SAFE and _is_foreign(request.headers):
            return _no(403, "This request comes from another site.", "Use the app's own page.")
        if not self._keys.ask or path.startswith(OPEN) or self._keys.reads(cookies.get(SESSION, "")):
            return None
        if request.method in SAFE and "text/html" in request.headers.get("accept", ""):
            return RedirectResponse(f"/login?next={quote(path)}", 303)
        return _no(401, "You are not signed in.", "Open the page again and sign in.")


def _dressed(send: Send, owner: str | None, request: Request) -> Send:
    """Every answer gets the headers of the house, and a new browser its secret."""

    async def dressed(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
            if owner:
                headers.append("set-cookie", cookie(request, BROWSER, owner, BROWSER_S))
        await send(message)

    return dressed


def cookie(request: Request, name: str, value: str, seconds: int) -> str:
    """For this server's own pages alone, unseen by scripts, over TLS only where there is TLS."""
    secure = request.url.scheme == "https" or request.headers.get("x-forwarded-proto") == "https"
    return f"{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{'; Secure' if secure else ''}"


def _cookies(headers: Headers) -> dict[str, str]:
    try:
        return {name: each.value for name, each in SimpleCookie(headers.get("cookie", "")).items()}
    except CookieError:
        return {}


def _is_secret(text: str) -> bool:
    return len(text) == 32 and all(letter in "0123456789abcdef" for letter in text)


def _is_known(host: str, hosts: tuple[str, ...]) -> bool:
    """An address, this machine, or a name that was said: no other name can be made to point here by a stranger."""
    name = host.rpartition(":")[0] if not host.endswith("]") and ":" in host else host
    if name in ("localhost", *hosts):
        return True
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True


def _is_foreign(headers: Headers) -> bool:
    """Whether a browser says that another site's page sent this."""
    if "sec-fetch-site" in headers:
        return headers["sec-fetch-site"] == "cross-site"
    if "origin" not in headers or "x-forwarded-host" in headers:
        return False
    return urlsplit(headers["origin"]).netloc != headers.get("host", "")


def _no(status: int, problem: str, remedy: str) -> Response:
    return JSONResponse({"problem": problem, "remedy": remedy}, status)
