"""The route of LoRAs: the names of those that are here, and the folder to put others into."""

from typing import Any

from fastapi import APIRouter

from pipeline.engines.diffusion.lora import LEAST_WEIGHT, MOST, MOST_WEIGHT, folder_of, names_in
from pipeline.models.places import Places
from ui.studio import Studio


def routes(studio: Studio) -> APIRouter:
    """/loras."""
    router, places = APIRouter(), Places.usual(studio.home)

    @router.get("/loras")
    def listed() -> dict[str, Any]:
        limits = {"most": MOST, "least_weight": LEAST_WEIGHT, "most_weight": MOST_WEIGHT}
        return {"names": names_in(places), "folder": str(folder_of(places)), **limits}

    return router
