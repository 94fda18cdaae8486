"""The check of encoders: which of them really encode on this machine."""

from pipeline.doctor.finding import Finding
from pipeline.doctor.surroundings import Surroundings
from utils.size import Size

_NAME, SIZE = "Encoders", Size(1280, 720)


def encoders(where: Surroundings) -> Finding:
    """Let every hardware encoder encode some frames; none is needed, for x264 works everywhere."""
    from utils.media.encoder_probe import probed_now
    from utils.media.encoders import ENCODERS, HARDWARE

    found = [probed_now(name, SIZE, where.limit_s) for name in HARDWARE]
    works = [ENCODERS[each.name].title for each in found if each.usable]
    fails = "; ".join(f"{each.name}: {each.why}" for each in found if not each.usable)
    if not works:
        return Finding(_NAME, "ok", f"x264. No hardware encoder works for {SIZE} ({fails}).")
    rest = f" Not: {fails}." if fails else ""
    return Finding(_NAME, "ok", f"x264, and for {SIZE} {', '.join(works)}: `--set encode.encoder=auto` uses it.{rest}")
