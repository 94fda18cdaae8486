"""Signing in: one small page that needs nothing else, and patience that grows with every wrong password."""

import asyncio
import time
from html import escape
from pathlib import Path
from string import Template
from urllib.parse import parse_qs, urlsplit

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from ui.access import SESSION, cookie
from ui.sessions import SESSION_S, Keys

FORGET_S, LONGEST_WAIT_S, MOST_WAITING = 900.0, 8.0, 50
PAGE = Template((Path(__file__).parent / "login.html").read_text(encoding="utf-8"))


class Patience:
    """Attempts are looked at one after the other; a wrong one is answered later and later, a right one at once."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()
        self._waiting, self._wrong, self._last_at = 0, 0, 0.0

    async def tries(self, keys: Keys, name: str, password: str) -> bool | None:
        """Whether it is right; None when too many are trying."""
        if self._waiting >= MOST_WAITING:
            return None
        self._waiting += 1
        try:
            async with self._turn:
                right = await asyncio.to_thread(keys.admits, name, password)
        finally:
            self._waiting -= 1
        if not right:
            await asyncio.sleep(self._rest())
        return right

    def _rest(self) -> float:
        """How long somebody who was wrong waits for the answer."""
        if time.monotonic() - self._last_at > FORGET_S:
            self._wrong = 0
        self._wrong, self._last_at = self._wrong + 1, time.monotonic()
        return float(min(LONGEST_WAIT_S, 0.25 * 2**self._wrong))


def routes(keys: Keys) -> APIRouter:
    """/login and /logout."""
    router, patience = APIRouter(), Patience()

    @router.get("/login")
    def page() -> Response:
        return _page("" if keys.ask else "No password is set here: everybody may come in.")

    @router.post("/login")
    async def enter(request: Request) -> Response:
        said = parse_qs((await _body(request)).decode(errors="replace"))
        name, password = said.get("name", [""])[0], said.get("password", [""])[0]
        right = await patience.tries(keys, name, password)
        if right is None:
            return _page("Too many people are trying at once. Wait a minute and try again.", name, 429)
        if not right:
            return _page("This name and password do not fit together. Check both and try again.", name, 401)
        answer = RedirectResponse(_inside(request.query_params.get("next", "/")), 303)
        answer.headers.append("set-cookie", cookie(request, SESSION, keys.ticket(name), SESSION_S))
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


def _inside(path: str) -> str:
    """Only to a page of this server."""
    parts = urlsplit(path)
    return path if path.startswith("/") and not path.startswith(("//", "/\\")) and not parts.netloc else "/"


def _page(told: str, name: str = "", status: int = 200) -> Response:
    shown = f'<p class="alert" role="alert">{escape(told)}</p>' if told else ""
    return HTMLResponse(PAGE.substitute(told=shown, name=escape(name, quote=True)), status)
