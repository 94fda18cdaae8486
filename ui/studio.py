"""Studio: the context that all routes and pages of the app share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from utils.uploads import MOST_BYTES

if TYPE_CHECKING:
    from pipeline.jobs.ledger import Ledger


@dataclass(frozen=True)
class Studio:
    """The home folder, its ledger, and the server's limits."""

    home: Path
    ledger: Ledger
    most_upload_bytes: int = MOST_BYTES
    takes_addresses: bool = False
    """Whether visitors may have clips fetched from http(s) addresses."""
    closing: list[Callable[[], None]] = field(default_factory=list)
    """Callbacks for a stop signal, which end requests that would otherwise wait on."""
