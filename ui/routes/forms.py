"""Routes of the form: its description for each kind of job, and its values for settings that are used again."""

from dataclasses import asdict
from typing import Any

from fastapi import APIRouter

from pipeline.kinds import kinds
from ui.forms import form
from ui.json_body import JsonBody
from ui.restore_form import restored
from ui.studio import Studio


def routes(studio: Studio) -> APIRouter:
    """/forms and /form."""
    router = APIRouter()

    @router.get("/forms")
    def listed() -> dict[str, Any]:
        return {"forms": [form(kind) for kind in kinds()]}

    @router.post("/form")
    def filled(body: JsonBody) -> dict[str, Any]:
        return asdict(restored(studio, body))

    return router
