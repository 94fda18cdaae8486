"""Signing in: one small page that needs nothing else, and checks of passwords that take turns."""

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
from ui.sessions import SESSION_S, Keys
from ui.turns import TooMany, Turns

DEVICE = "reshoot_device"
PAGE = Template((Path(__file__).parent / "login.html").read_text(encoding="utf-8"))


def routes(keys: Keys) -> APIRouter:
    """/login and /logout."""
    router, turns = APIRouter(), Turns()

    @router.api_route("/login", methods=["GET", "HEAD"])
    def page() -> Response:
        return _page("" if keys.ask else "No password is set here: everybody may come in.")

    @router.post("/login")
    async def enter(request: Request) -> Response:
        said = parse_qs((await _body(request)).decode(errors="replace"))
        name, password = said.get("name", [""])[0], said.get("password", [""])[0]
        device = request.cookies.get(DEVICE, "")
        known = keys.knows(device)
        check = partial(keys.admits, name, password)
        try:
            right = await turns.right(device if known else address(request), check, stranger=not known)
        except TooMany as many:
            return _page(str(many), name, 429, {"Retry-After": str(many.after_s)})
        if not right:
            return _page("This name and password do not fit together. Check both and try again.", name, 401)
        answer = RedirectResponse(_inside(request.query_params.get("next", "/")), 303)
        answer.headers.append("set-cookie", cookie(request, SESSION, keys.ticket(name), SESSION_S))
        if not known:
            answer.headers.append("set-cookie", cookie(request, DEVICE, keys.device(), BROWSER_S))
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


def _inside(place: str) -> str:
    """Only to the page of this server, with what belongs behind its path."""
    return place if place.startswith(("/?", "/#")) else "/"


def _page(told: str, name: str = "", status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    shown = f'<p class="alert" role="alert">{escape(told)}</p>' if told else ""
    return HTMLResponse(PAGE.substitute(told=shown, name=escape(name, quote=True)), status, headers)
