"""What the doctor says about one thing."""

from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "note", "problem"]


@dataclass(frozen=True)
class Finding:
    """One thing looked at: fine, worth knowing, or in the way; the remedy is what to type or do."""

    name: str
    state: State
    says: str
    remedy: str = ""

    def __post_init__(self) -> None:
        assert self.state != "problem" or self.remedy, f"{self.name}: a problem without a remedy helps nobody"
