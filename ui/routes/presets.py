"""Routes of saved presets: list them, save the settings of a form under a name, and delete them."""

from dataclasses import asdict
from typing import Any

from fastapi import APIRouter
from starlette.responses import JSONResponse, Response

from pipeline.kinds import find_kind
from pipeline.library.own_presets import OwnPresets
from ui import given_files
from ui.json_body import JsonBody
from ui.problems import NotHere
from ui.routes.jobs import asked_settings
from ui.studio import Studio
from utils.errors import SettingsError


def routes(studio: Studio) -> APIRouter:
    """/presets."""
    router, presets = APIRouter(), OwnPresets(studio.home)

    @router.get("/presets")
    def listed() -> dict[str, Any]:
        return {"presets": [asdict(preset) for preset in presets.all()]}

    @router.post("/presets")
    def saved(body: JsonBody) -> Response:
        name, (kind, preset, settings) = body.get("name"), asked_settings(body)
        if not isinstance(name, str):
            raise SettingsError("The preset has no name.", "Give it one.")
        found = find_kind(kind)
        settled = given_files.settled(studio.home, settings, found.file_settings.values())
        usual = found.settings.USUAL_PRESET if preset is None else preset
        return JSONResponse(asdict(presets.save(found, name, usual, settled)), 201)

    @router.delete("/presets/{name}")
    def deleted(name: str) -> dict[str, str]:
        if presets.find(name) is None:
            raise NotHere("There is no such preset.", "It may have been deleted in another window.")
        return {"name": presets.delete(name).name}

    return router
