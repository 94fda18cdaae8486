"""The stages that find out what is known about a clip, as people read them, and what they cost. Light."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pipeline.estimate import Memory, Price
from pipeline.stage_texts import StageText

STAGES = {
    "sound": StageText("Listening to the clip", 0.04, 1),
    "voice": StageText("Finding where somebody speaks", 0.08, 1),
    "silence": StageText("Finding pauses", 0.01, 1),
    "transcript": StageText("Writing down what is said", 0.56, 1),
    "given transcript": StageText("Reading the given transcript", 0.01, 1),
    "correction": StageText("Correcting what was understood", 0.04, 1),
    "contents": StageText("Finding what it is about", 0.02, 1),
    "loudness": StageText("Measuring how loud it is", 0.04, 1, counts=False),
    "seen": StageText("Looking for faces and cuts", 0.2, 1, counts=False),
}
"""Their shares are of the whole of them. Those that look run beside those that listen."""
MEMORY = Memory(900.0, 60.0)
USUAL_FPS = 25.0
SECOND_S, GIVEN_SECOND_S, MEGAPIXEL_S = 0.3, 0.05, 0.012
"""What a second of a clip takes, what it takes where its transcript is given, and each million pixels of a frame."""


def stages(percent: float) -> dict[str, StageText]:
    """The stages as a part of a job, of whose time they have so many percent."""
    return {name: replace(text, share=text.share * percent) for name, text in STAGES.items()}


def price(facts: Mapping[str, Any], settings: Mapping[str, Any] | None) -> Price:
    """What it takes to find out about a clip with these facts."""
    second_s = GIVEN_SECOND_S if (settings or {}).get("given.transcript") else SECOND_S
    return Price(2.0, second_s / max(1.0, float(facts.get("fps", USUAL_FPS))), MEGAPIXEL_S)
