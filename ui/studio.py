"""What every part of the app stands on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipeline.jobs.ledger import Ledger


@dataclass(frozen=True)
class Studio:
    """One home, its ledger, and what this server allows."""

    home: Path
    ledger: Ledger
    most_upload_bytes: int = 20 << 30
    closing: list[Callable[[], None]] = field(default_factory=list)
    """What is to be called when a stop signal comes, so that nobody is kept waiting."""
