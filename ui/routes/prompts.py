"""Routes of prompts: templates, the last ones that jobs were ordered with, and forgetting one of these."""

from dataclasses import asdict
from typing import Any

from fastapi import APIRouter

from pipeline.library.prompts import LastPrompts, templates
from ui.studio import Studio


def routes(studio: Studio) -> APIRouter:
    """/prompts."""
    router, last = APIRouter(), LastPrompts(studio.home)

    @router.get("/prompts")
    def listed() -> dict[str, Any]:
        return {"templates": [asdict(each) for each in templates()], "last": [asdict(each) for each in last.all()]}

    @router.delete("/prompts/{digest}")
    def forgotten(digest: str) -> dict[str, str]:
        last.forget(digest)
        return {"forgotten": digest}

    return router
