"""The analyse job as everybody else knows it: what it takes, what its stages are called, what its results hold."""

from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.estimate import Estimate, FinishedRun, Price, without_presets
from pipeline.finish.known.stages import MEMORY, price, stages
from pipeline.finish.settings import LISTS, ROLES, WANTED, AnalyseSettings
from pipeline.kind import Kind, Outcome, ResultFile, ShowPart, Task
from pipeline.result.names import CLIP
from pipeline.stage import RunContext
from pipeline.stage_texts import StageText

KNOWN, DRAFT, LEVELS, PLAN = "known.json", "draft.json", "levels.bin", "plan.yaml"
FILES = {
    CLIP: ResultFile("Clip to watch", "to watch"),
    PLAN: ResultFile("Plan that is proposed", "plan"),
    "transcript.srt": ResultFile("Transcript, SRT", "transcript"),
    "transcript.vtt": ResultFile("Transcript, VTT", "transcript"),
    "transcript.ass": ResultFile("Transcript with times of words, ASS", "transcript"),
    KNOWN: ResultFile("All that is known, JSON", "known"),
    DRAFT: ResultFile("Plan, for the page", "draft", listed=False),
    LEVELS: ResultFile("Waveform, for the page", "levels", listed=False),
}
COPY_MEGAPIXEL_S = 0.02
"""What a million pixels of a frame take to be copied for the page."""


def _run(task: Task, context: RunContext, show: ShowPart) -> Outcome:
    from pipeline.finish.analyse.outcome import outcome
    from pipeline.finish.draft.proposed import proposed
    from pipeline.see.open_clip import open_clip

    clip = open_clip(task.inputs["clip"], context)
    return outcome(proposed(clip, task.inputs, context), context)


def estimates(
    facts: Mapping[str, Any], history: Sequence[FinishedRun] = (), settings: Mapping[str, Any] | None = None
) -> dict[str, Estimate]:
    """What an analyse job takes; it has no presets."""
    known = price(facts, settings)
    whole = Price(known.start_s, known.frame_s, known.megapixel_s + COPY_MEGAPIXEL_S)
    return {"": without_presets(whole, MEMORY, facts, history)}


def _summary(settings: Mapping[str, Any]) -> str:
    return "by a given transcript" if settings["given.transcript"] else "what is said and seen"


KIND = Kind(
    name="analyse",
    title="Look into it",
    about="Find pauses, words and their times, repeated takes, faces and cuts, and propose a plan for the Finish tab.",
    roles=ROLES,
    settings=AnalyseSettings,
    front=WANTED,
    stages={
        "probe": StageText("Reading the clip", 1, 0),
        **stages(79),
        "web copy": StageText("Making copies to watch", 20, 2),
    },
    files=FILES,
    measures=(),
    run=_run,
    estimate=estimates,
    summary=_summary,
    listed=LISTS,
)
