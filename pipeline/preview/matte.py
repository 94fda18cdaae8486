"""Matte preview: one frame with the person shown as a job would find them, for people who point or paint."""

from pipeline.preview.frame import FramePreview, sample_at
from pipeline.preview.mended import MendedSamples
from pipeline.stage import RunContext
from utils.media.clip import Clip
from utils.people.matte_overlay import shown_matte


def preview_matte(clip: Clip, context: RunContext, at: float | None = None) -> FramePreview:
    """One frame and its matte over it: the clearest one, or the one `at` a share (0 to 1) of the clip."""
    meant = MendedSamples.of(clip, context)
    samples = meant.samples
    sample = sample_at(clip, meant, at)
    events = [] if sample.box else ["The person was not found in this frame."]
    events += [note] if (note := meant.note(sample.index)) else []
    shown, count = shown_matte(sample.rgb, sample.matte), len(samples.with_person)
    return FramePreview(
        clip.start + sample.index, sample.rgb, shown, len(samples.all), count, tuple(events), sample.box
    )
