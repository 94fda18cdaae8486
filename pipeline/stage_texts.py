"""Stages as people read them: what each one does, in words, and its usual share of the time of a run.

Each kind of job has its own table; here is what they share, and names that stand in homes of earlier versions.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class StageText:
    """One stage of a kind of job."""

    sentence: str
    share: float = 0.0
    """In percent of a run with the embedded engine; stages of a heavier engine stretch their own."""
    group: int = 0
    """Stages of one group run side by side; every stage of a lower group has ended before."""
    counts: bool = True
    """Whether the position of a run counts its steps; one of two stages that run side by side does."""
    notes: bool = False
    """Whether people who watch are told what it notes."""


OTHERS = {
    "": StageText("Starting"),
    "frame samples": StageText("Frame previews"),
    "key frames": StageText("Choosing the frames to paint"),
    "key pictures": StageText("Drawing the frames to paint"),
    "footing": StageText("Finding where the feet stand"),
    "survey": StageText("Looking at colours and light"),
    "glance": StageText("Frame previews"),
    "generate": StageText("Restyling"),
    "lock": StageText("Holding the feet where they stand"),
    "result": StageText("Putting it all together"),
    "proxy": StageText("Making copies to watch"),
}
"""Stages outside of a job, and names that results of earlier versions hold."""


def kind_of(stage: str) -> str:
    """A stage's name in these tables, without what it is done with or of."""
    return stage.partition(" with ")[0].partition(" of ")[0]
