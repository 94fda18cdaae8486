"""What a finish job leaves behind: the film, its subtitles and plan, and the bare cut to compare it with."""

from pathlib import Path

from pipeline.finish.film.files import beside
from pipeline.finish.film.kept import whole
from pipeline.finish.film.plan import Plan
from pipeline.finish.kind import PLAN
from pipeline.finish.story import Finished, finish
from pipeline.kind import Outcome, Published
from pipeline.kinds import find_kind
from pipeline.result.document import embed
from pipeline.result.names import BEFORE, CLIP
from pipeline.result.spent import Spent, machine_figures
from pipeline.result.views import clip_facts, clip_figures, write_result_views
from pipeline.stage import RunContext
from utils.media.probe import Limits, scan
from utils.process_resources import peak_mb


def outcome(made: Finished, context: RunContext) -> Outcome:
    """The outcome of a run."""
    size = sum(entry.manifest.bytes for entry in made.chunks)
    return Outcome(size, lambda folder: _publish(made, context, folder))


def write_film(made: Finished, out: Path) -> None:
    """Write the film to `out`, with its settings embedded, and its subtitles beside it."""
    made.write(out)
    embed(out, find_kind("finish"), made.clip, "", made.settings)


def _publish(made: Finished, context: RunContext, folder: Path) -> Published:
    """Write all files of the result into a folder; its page shows the film beside its bare cut, at half the size."""
    write_film(made, folder / CLIP)
    (folder / PLAN).write_text(whole(made.plan).to_yaml())
    bare = finish(made.clip, Plan(cut=made.plan.cut, rate=made.plan.rate), beside(folder), context, preview=True)
    bare.write(folder / BEFORE)
    result = scan(folder / CLIP, Limits())
    still = len(result) // 2
    copied = write_result_views(result, still, context, folder)
    done = (*made.done, *bare.done, *copied)
    seconds = made.seconds + bare.seconds + sum(stage.seconds for stage in copied)
    told = made.quality | Spent.of(done).figures() | machine_figures(peak_mb(), made.card)
    counted = {"frames_in": len(made.film), "frames_out": len(result), "chunks_encoded": made.encoded, **told}
    facts = clip_facts(result, still, made.events, folder) | {"numbers": counted}
    return Published(facts, clip_figures(made.clip, done, seconds, made.events) | told)
