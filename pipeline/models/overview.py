"""What people are shown of a model: in lists, and before they consent to a fetch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rich.filesize import decimal

from pipeline.models.finding import Found, Missing
from pipeline.models.places import Places
from pipeline.models.registry import Model

if TYPE_CHECKING:
    from pipeline.models.hub import Offer


def state(found: Found | Missing) -> str:
    """Whether a model is here, in a word or two."""
    if found.model.family.refused:
        return "refused"
    if isinstance(found, Found):
        return "here"
    return "partly here" if found.gaps or found.begun else "not here"


def overview(model: Model, found: Found | Missing) -> dict[str, Any]:
    """A model and its state, as JSON."""
    checkpoint, family = model.checkpoint, model.family
    here = isinstance(found, Found)
    return {
        "name": model.name,
        "family": family.family,
        "engine": family.engine,
        "good_for": checkpoint.good_for,
        "family_good_for": family.good_for,
        "bytes": found.bytes if isinstance(found, Found) else checkpoint.about_bytes,
        "estimated": not here,
        "card_gb": checkpoint.card_gb,
        "source": checkpoint.source,
        "licence": family.licence.name,
        "licence_url": family.licence.url,
        "state": state(found),
        "reason": family.refused or ("" if isinstance(found, Found) else found.sentence),
        "path": str(found.path) if isinstance(found, Found) else None,
        "fetched": isinstance(found, Found) and found.lock is not None,
    }


def offered(offers: Sequence[Offer], places: Places) -> dict[str, str]:
    """What is shown before consent to a model and parts of it: title -> text."""
    each = [_offered(offer, places) for offer in offers]
    return {title: ", and ".join(dict.fromkeys(one[title] for one in each)) for title in each[0]}


def _offered(offer: Offer, places: Places) -> dict[str, str]:
    licence, landing = offer.model.family.licence, places.fetched(offer.model.checkpoint)
    paid = "paid work is allowed" if licence.paid_work else "paid work is not allowed"
    return {
        "model": f"{offer.model.name}: {offer.model.checkpoint.good_for}",
        "from": f"{offer.model.checkpoint.source} at {offer.commit}",
        "page": offer.page,
        "size": f"{decimal(offer.bytes)} in {len(offer.files)} files",
        "licence": f"{licence.name}, {paid}: {licence.url}",
        "goes to": str(landing.folder),
    }
