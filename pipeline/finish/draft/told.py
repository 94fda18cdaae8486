"""A drafted plan in plain words: what is cut and why, what is shown, and how long the film becomes."""

from collections import defaultdict
from collections.abc import Iterator

from pipeline.finish.film.built import timeline_of
from pipeline.finish.film.plan import Plan
from utils.errors import ClipError
from utils.media.clip import Clip


def sentences(plan: Plan, clip: Clip) -> Iterator[str]:
    """What a plan does to a clip."""
    yield from _cuts(plan, clip)
    shown = (
        (len(plan.broll), "clip of b-roll", "clips of b-roll"),
        (len(plan.pictures), "picture", "pictures"),
        (len(plan.zoom.punches) if plan.zoom else 0, "highlight shown larger", "highlights shown larger"),
        (int(plan.subtitles is not None), "set of subtitles", ""),
        (int(plan.music is not None), "piece of music", ""),
    )
    if said := [f"{count} {one if count == 1 else more}" for count, one, more in shown if count]:
        yield f"In it: {', '.join(said)}."


def _cuts(plan: Plan, clip: Clip) -> Iterator[str]:
    reasons = defaultdict[str, list[float]](list)
    for cut in plan.cut:
        reasons[cut.why.partition(":")[0]].append(cut.to_s - cut.from_s)
    for why, seconds in reasons.items():
        yield f"Cut as {why}: {len(seconds)} {'part' if len(seconds) == 1 else 'parts'}, {sum(seconds):.1f} s."
    try:
        timeline = timeline_of(plan, clip)
    except ClipError:
        return
    left_s = float(len(timeline) / timeline.rate)
    yield f"The film has {left_s:.1f} of the clip's {float(clip.duration_s):.1f} s."
