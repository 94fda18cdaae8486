"""What a steady job leaves behind: the calm clip, both camera paths, and what the page and the ledger know of it."""

from pathlib import Path

from pipeline.kind import Outcome, Published
from pipeline.kinds import find_kind
from pipeline.plan.stable_path import jerks_px
from pipeline.result.document import deliver
from pipeline.result.names import CLIP
from pipeline.result.views import clip_facts, clip_figures, write_views
from pipeline.stage import RunContext
from pipeline.steady.story import SteadyClip
from utils.process_resources import peak_mb


def outcome(made: SteadyClip, context: RunContext) -> Outcome:
    """The outcome of a run."""
    return Outcome(made.copy.manifest.bytes, lambda folder: _publish(made, context, folder))


def write_clip(made: SteadyClip, out: Path) -> None:
    """Write the calm clip to `out`, with its settings embedded."""
    deliver(made.path, out, find_kind("steady"), made.clip, "", made.settings)


def _publish(made: SteadyClip, context: RunContext, folder: Path) -> Published:
    """Write all files of the result into a folder."""
    clip, still = made.clip, len(made.clip) // 2
    write_clip(made, folder / CLIP)
    (folder / "camera.json").write_text(made.track.camera.to_json())
    (folder / "stable.json").write_text(made.stable.path.to_json())
    copied = write_views(clip, still, context, folder)
    before, after = jerks_px(made.track.camera, made.stable.path)
    counted = {name: made.facts[name] for name in ("frames_in", "frames_out", "audio_offset_ms")}
    numbers = {**counted, "jerk_before": before, "jerk_after": after}
    seconds = made.seconds + sum(stage.seconds for stage in copied)
    figures = clip_figures(clip, (*made.done, *copied), seconds, made.events)
    facts = clip_facts(clip, still, made.events, folder) | {"numbers": numbers}
    return Published(facts, figures | {"peak_rss_mb": round(peak_mb(), 1)})
