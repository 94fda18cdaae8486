"""Routes of models: which there are and where, what a fetch would bring, fetching by consent, and removal."""

from typing import Any

from fastapi import APIRouter

from pipeline.models.finding import find
from pipeline.models.overview import overview
from pipeline.models.places import Places
from pipeline.models.registry import Registry
from pipeline.models.removal import remove
from ui.json_body import JsonBody
from ui.model_tasks import ModelTaskError, ModelTasks
from ui.studio import Studio
from utils.errors import ModelError


def routes(studio: Studio) -> APIRouter:
    """/models."""
    router, tasks = APIRouter(), ModelTasks(studio.home)

    @router.get("/models")
    def listed() -> dict[str, Any]:
        registry, places = Registry.load(studio.home), Places.usual(studio.home)
        models = [
            {**overview(model, find(model, places)), "is_part": model.name in registry.parts,
             "engines": sorted(registry.offered_by(model))}
            for model in registry
        ]  # fmt: skip
        refused = [
            {"name": family.family, "good_for": family.good_for, "licence": family.licence.name,
             "licence_url": family.licence.url, "reason": family.refused}
            for family in registry.refused
        ]  # fmt: skip
        fetching = vars(tasks.last) if tasks.last else None
        return {
            "models": models,
            "refused": refused,
            "fetching": fetching,
        }

    @router.post("/models/{name}/offer")
    async def offer(name: str) -> dict[str, Any]:
        return await tasks.ask(name)

    @router.post("/models/{name}/fetch")
    async def fetch(name: str, body: JsonBody) -> dict[str, Any]:
        commit = body.get("commit")
        if not isinstance(commit, str) or not commit:
            raise ModelError("This fetch was not consented to.", "Look at what it would bring first.")
        return vars(tasks.start(name, commit))

    @router.post("/models/stop")
    async def stop() -> dict[str, bool]:
        tasks.stop()
        return {"stopping": tasks.busy}

    @router.delete("/models/{name}")
    def removed(name: str) -> dict[str, int]:
        if tasks.busy and tasks.last and tasks.last.name == name:
            raise ModelTaskError(f"{name} is being fetched.", "Stop that first.")
        model = Registry.load(studio.home).model(name)
        return {"freed": remove(model, Places.usual(studio.home))}

    return router
