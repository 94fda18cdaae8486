"""Routes of clips from http(s) addresses: a fetch, how far it is, and stopping it; only where the app takes them."""

from dataclasses import asdict
from typing import Any

from fastapi import APIRouter, Depends
from starlette.requests import Request

from ui.access import address, visitor
from ui.address_tasks import AddressTasks
from ui.json_body import JsonBody
from ui.problems import NotAllowed
from ui.studio import Studio
from utils.errors import AddressError
from utils.uploads import Uploads


def routes(studio: Studio) -> APIRouter:
    """/addresses."""

    def allowed() -> None:
        if not studio.takes_addresses:
            raise NotAllowed(
                "This app fetches nothing from addresses.",
                "Download the file and add that, or ask whoever runs the app to start it with --addresses.",
            )

    router, tasks = APIRouter(dependencies=[Depends(allowed)]), AddressTasks(studio)

    @router.post("/addresses")
    def fetch(body: JsonBody, request: Request) -> dict[str, Any]:
        text = body.get("address")
        if not isinstance(text, str) or not text.strip():
            raise AddressError("There is no address.", "Give one that begins with https:// or http://.")
        return asdict(tasks.start(text, visitor(request), address(request)))

    @router.get("/addresses/{upload}")
    def show(upload: str) -> dict[str, Any]:
        return asdict(tasks.told(upload))

    @router.post("/addresses/{upload}/stop")
    def stop(upload: str) -> dict[str, Any]:
        tasks.stop(upload)
        return {}

    @router.delete("/addresses/{upload}")
    def drop(upload: str) -> dict[str, Any]:
        tasks.stop(upload)
        Uploads(studio.home / "uploads").drop(upload)
        return {}

    return router
