"""Stages as people read them: what each one does, in words, and its usual share of the time of a run.

The one table for the job card, the dashboard, the command line and the estimate of the time left.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class StageText:
    """One stage of the journey."""

    sentence: str
    share: float = 0.0
    """In percent of a run with the embedded engine; stages of a heavier engine stretch their own."""
    group: int = 0
    """Stages of one group run side by side; every stage of a lower group has ended before."""


JOURNEY = {
    "probe": StageText("Reading the clip", 1, 0),
    "analyse": StageText("Finding the person and the camera's movement", 30, 1),
    "joints": StageText("Following the joints", 0.5, 2),
    "contacts": StageText("Finding where the feet stand", 0.5, 3),
    "segments": StageText("Finding where they walk up, hold and walk off", 0.5, 4),
    "stabilise": StageText("Calming the camera", 0.5, 5),
    "samples": StageText("Looking at colours and light", 1, 6),
    "make": StageText("Restyling", 12, 7),
    "steady": StageText("Taking out flicker", 12, 7),
    "feet": StageText("Holding the feet where they stand", 1, 8),
    "plate": StageText("Building the clean background", 2, 9),
    "encode": StageText("Putting it all together", 29, 10),
    "measure": StageText("Measuring the result", 1, 11),
    "web copy": StageText("Making copies to watch", 9, 12),
}
"""In the order of the journey."""
OTHERS = {
    "": StageText("Starting"),
    "frame samples": StageText("Frame previews"),
    "footing": StageText("Finding where the feet stand"),
    "survey": StageText("Looking at colours and light"),
    "glance": StageText("Frame previews"),
    "generate": StageText("Restyling"),
    "lock": StageText("Holding the feet where they stand"),
    "result": StageText("Putting it all together"),
    "proxy": StageText("Making copies to watch"),
}
"""Those outside of it, and names that results of earlier versions hold."""


def kind_of(stage: str) -> str:
    """A stage's name in these tables, without what it is done with or of."""
    return stage.partition(" with ")[0].partition(" of ")[0]


def sentence(stage: str) -> str:
    """What a stage does, in words; an engine is named."""
    kind, _, engine = stage.partition(" with ")
    text = (JOURNEY | OTHERS).get(kind_of(kind))
    words = text.sentence if text else kind.capitalize()
    return f"{words} ({engine})" if engine else words
