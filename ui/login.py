"""The login page and its routes. Passwords are checked one at a time, through a rate-limited queue."""

from collections.abc import Mapping
from functools import partial
from html import escape
from pathlib import Path
from string import Template
from urllib.parse import parse_qs

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from ui.access import BROWSER_S, SESSION, address, cookie
from ui.login_queue import LoginQueue, TooManyAttempts
from ui.sessions import SESSION_S, Authenticator

DEVICE = "reshoot_device"
PAGE = Template((Path(__file__).parent / "login.html").read_text(encoding="utf-8"))


def routes(authenticator: Authenticator) -> APIRouter:
    """/login and /logout."""
    router, queue = APIRouter(), LoginQueue()

    @router.api_route("/login", methods=["GET", "HEAD"])
    def page() -> Response:
        return _page("" if authenticator.requires_login else "No password is set here: everybody may come in.")

    @router.post("/login")
    async def enter(request: Request) -> Response:
        form = parse_qs((await _body(request)).decode(errors="replace"))
        name, password = form.get("name", [""])[0], form.get("password", [""])[0]
        device = request.cookies.get(DEVICE, "")
        known = authenticator.is_device_token(device)
        check = partial(authenticator.accepts_password, name, password)
        try:
            right = await queue.check(device if known else address(request), check, stranger=not known)
        except TooManyAttempts as many:
            return _page(str(many), name, 429, {"Retry-After": str(many.after_s)})
        if not right:
            return _page("This name and password do not fit together. Check both and try again.", name, 401)
        answer = RedirectResponse(_inside(request.query_params.get("next", "/")), 303)
        answer.headers.append("set-cookie", cookie(request, SESSION, authenticator.session_token(name), SESSION_S))
        if not known:
            answer.headers.append("set-cookie", cookie(request, DEVICE, authenticator.device_token(), BROWSER_S))
        return answer

    @router.post("/logout")
    def leave(request: Request) -> Response:
        answer = RedirectResponse("/login", 303)
        answer.headers.append("set-cookie", cookie(request, SESSION, "", 0))
        return answer

    return router


async def _body(request: Request) -> bytes:
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > 10_000:
            return b""
    return body


def _inside(target: str) -> str:
    """The target of a redirect after the login, limited to this server's page, so that it is no open redirect."""
    return target if target.startswith(("/?", "/#")) else "/"


def _page(message: str, name: str = "", status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    shown = f'<p class="alert" role="alert">{escape(message)}</p>' if message else ""
    return HTMLResponse(PAGE.substitute(told=shown, name=escape(name, quote=True)), status, headers)
