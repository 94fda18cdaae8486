"""The journey: everything that a finished run produced, for whoever reports, exports or shows it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.compose.encoded import Encoded
from pipeline.compose.foot_correction import FootCorrection
from pipeline.compose.person_frames import PersonFrames
from pipeline.compose.plates import Plates
from pipeline.engines.base import Engine
from pipeline.plan.segments import Segments
from pipeline.plan.stable_picture import StablePicture
from pipeline.report.making import Making
from pipeline.report.measured import Measured
from pipeline.see.foot_contacts import FootContacts
from pipeline.types import Done, Event
from utils.media.clip import Clip


@dataclass(frozen=True)
class Journey:
    """The results of all stages of a run, its duration, the stages that ran, and its events."""

    clip: Clip
    engine: Engine
    settings: Mapping[str, Any]
    stable: StablePicture
    segments: Segments
    contacts: FootContacts
    frames: PersonFrames
    feet: FootCorrection
    plates: Plates | None
    encoded: Encoded
    measured: Measured
    seconds: float
    """Wall-clock time; stages that ran side by side are counted once."""
    done: tuple[Done, ...]
    events: tuple[Event, ...]
    making: Making
