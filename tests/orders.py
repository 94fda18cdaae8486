"""Orders for tests."""

from collections.abc import Mapping
from typing import Any

from pipeline.jobs.order import Order
from pipeline.restyle.kind import KIND


def restyle_order(
    clip: str, title: str, settings: Mapping[str, Any] | None = None, preset: str = "balanced", owner: str = "",
    batch: str = "",
) -> Order:  # fmt: skip
    """An order to restyle a clip, which is a digest or a path; its settings may be wrong."""
    rest, files = KIND.without_files(settings or {})
    return Order(KIND.name, {"clip": clip, **files}, title, rest, preset, owner, batch)
