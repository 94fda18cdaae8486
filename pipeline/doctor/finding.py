"""`Finding`, the result of one check of the doctor."""

from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "note", "problem"]


@dataclass(frozen=True)
class Finding:
    """The result of one check: its state, what was found as a sentence, and what to type or do about it."""

    name: str
    state: State
    says: str
    remedy: str = ""

    def __post_init__(self) -> None:
        assert self.state != "problem" or self.remedy, f"{self.name}: a problem without a remedy helps nobody"
