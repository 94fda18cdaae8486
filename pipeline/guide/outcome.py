"""What a guide job leaves behind: the guide, the mask, the anchors carried, and what guides which frame."""

import json
from pathlib import Path

from pipeline.guide.story import CARRIED, CLIPS, GUIDE, LED, MASK, MadeGuide
from pipeline.guide.terms import GUIDANCE
from pipeline.kind import Outcome, Published
from pipeline.kinds import find_kind
from pipeline.result.document import copy_clip, deliver
from pipeline.result.names import CLIP
from pipeline.result.views import clip_facts, clip_figures, write_views
from pipeline.stage import RunContext
from utils.media.probe import Limits, scan
from utils.process_resources import peak_mb


def outcome(made: MadeGuide, context: RunContext) -> Outcome:
    """The outcome of a run."""
    return Outcome(made.clips.manifest.bytes, lambda folder: _publish(made, context, folder))


def write_clip(made: MadeGuide, name: str, out: Path) -> None:
    """Write one of the clips of a guide."""
    copy_clip(made.clip(name), out)


def _publish(made: MadeGuide, context: RunContext, folder: Path) -> Published:
    """Write all files of the result into a folder; its page shows the guide beside what leads it."""
    structure = made.guide.plan.structures[0].clip
    deliver(made.clip(GUIDE), folder / CLIP, find_kind("guide"), structure, "", made.settings)
    write_clip(made, MASK, folder / CLIPS[MASK])
    if made.guide.carried is not None:
        write_clip(made, CARRIED, folder / CLIPS[CARRIED])
    (folder / GUIDANCE).write_text(json.dumps(made.guide.facts, indent=1))
    led = scan(made.clip(LED), Limits())
    still = int(made.guide.facts["liveliest"])
    copied = write_views(led, still, context, folder)
    unguided = sum(len(span) for span in made.tracker.unguided())
    numbers = {"frames_in": len(led), "frames_out": made.guide.plan.frames, "unguided": unguided}
    seconds = made.seconds + sum(stage.seconds for stage in copied)
    figures = clip_figures(led, (*made.done, *copied), seconds, made.events)
    facts = clip_facts(led, still, made.events, folder) | {"numbers": numbers}
    return Published(facts, figures | {"peak_rss_mb": round(peak_mb(), 1)})
