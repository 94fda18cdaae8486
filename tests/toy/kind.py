"""The toy job: it counts the frames of a clip, and writes the clip again with the caption of its setting."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.engines.device import processor
from pipeline.estimate import Estimate
from pipeline.kind import Kind, Outcome, Published, ResultFile, Role, ShowPart, Task
from pipeline.result.names import CLIP
from pipeline.settings import JobSettings
from pipeline.settings.field import setting
from pipeline.settings.group import Group
from pipeline.stage import RunContext, Stage, Work
from pipeline.stage_texts import StageText


class Counting(Group):
    """How the toy counts."""

    every: int = setting(
        1, "Every", "Which frames are counted; raise it to count fewer.", unit="frames", least=1, most=9
    )


class ToySettings(JobSettings):
    """The settings of the toy job."""

    counting: Counting = Counting()


def _count(work: Work) -> None:
    clip, every = work.inputs["clip"], work.settings["counting.every"]
    for index in clip.span:
        work.report(index + 1, len(clip))
    (work.folder / "count.json").write_text(json.dumps(len(range(0, len(clip), every))))


COUNT = Stage("count", version=1, run=_count, settings=("counting.every",))


def _run(task: Task, context: RunContext, show: ShowPart) -> Outcome:
    from pipeline.result.document import deliver
    from pipeline.result.views import clip_facts, clip_figures, write_views
    from pipeline.run import Run
    from pipeline.see.open_clip import open_clip

    run, clip = Run(context), open_clip(task.inputs["clip"], context)
    count = json.loads(run.take(COUNT, clip=clip).read_bytes("count.json"))

    def write(folder: Path) -> Published:
        deliver(clip.path, folder / CLIP, KIND, clip, task.preset, context.settings)
        (folder / "count.txt").write_text(str(count))
        copied = write_views(clip, 0, context, folder)
        figures = clip_figures(clip, (*run.done, *copied), run.seconds, run.events)
        numbers = {"frames_in": len(clip), "frames_out": len(clip)}
        return Published(clip_facts(clip, 0, run.events, folder) | {"numbers": numbers}, figures | {"count": count})

    return Outcome(clip.path.stat().st_size, write)


def _estimate(facts: Mapping[str, Any], history: object = (), settings: object = None) -> dict[str, Estimate]:
    return {"": Estimate(1.0 + facts["frames"] / 1000, 100, 0, str(processor()))}


KIND = Kind(
    name="toy",
    title="Count",
    about="Count the frames of a clip.",
    roles={"clip": Role("Clip", "clip")},
    settings=ToySettings,
    front=("counting.every",),
    stages={"count": StageText("Counting", 80, 0), "web copy": StageText("Making copies to watch", 20, 1)},
    files={CLIP: ResultFile("The clip", "counted"), "count.txt": ResultFile("The count", "count")},
    measures=(),
    run=_run,
    estimate=_estimate,
    summary=lambda settings: f"every {settings['counting.every']}",
)
