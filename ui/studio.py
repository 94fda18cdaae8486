"""What every part of the app stands on."""

from __future__ import annotations

from dataclasses import dataclass
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
