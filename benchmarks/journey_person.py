"""What becomes of the person: nothing when nothing is asked, steady looks, no seams, every frame and sample there."""

from collections.abc import Iterator

import numpy as np

from benchmarks.journey_ground import Ground, Line, at_least, at_most
from pipeline.compose.compositor import Compositor
from pipeline.compose.result_camera import ResultCamera
from pipeline.engines.looks import LOOKS
from tests.journeys import finished
from tests.sound import lag
from utils.image.metrics import psnr_db
from utils.media.video import ClipFrames

SURE = 250


def identity(ground: Ground) -> Iterator[Line]:
    """Strength 0: what the way through the stable picture and back costs, before the encode."""
    made = ground.journey(generate__strength=0)
    still = Compositor(made.stable, "person", 0, made.feet.field, ResultCamera())
    drawn_of = iter(made.frames)
    drawn, scores, touched = next(drawn_of, None), [], 0
    for frame, matte in zip(ClipFrames.of(made.clip), made.stable.analysis.mattes(made.clip.span), strict=True):
        here = drawn if drawn is not None and drawn.index == frame.index else None
        picture = still.frame(frame, matte, here)
        touched += int((picture[matte == 0] != frame.rgb[matte == 0]).any(axis=1).sum())
        if here is not None:
            drawn = next(drawn_of, None)
            if (matte > SURE).any():
                scores.append(psnr_db(picture, frame.rgb, matte > SURE))
    yield at_least("identity, person, mean PSNR", 40, float(np.mean(scores)), " dB")
    yield at_least("identity, person, worst frame", 40, min(scores), " dB")
    yield Line("identity, pixels changed outside the matte", "0", str(touched), touched == 0)


def looks(ground: Ground) -> Iterator[Line]:
    """How much less steady than the source each look is, along the source's own motion; and how much it changes."""
    for look in LOOKS:
        numbers = ground.journey(generate__look=look).measured.numbers
        ratio, edit = numbers["warp_error"]["ratio"], numbers["edit_magnitude"]
        yield Line(f"warp error, {look}", "<= 1.15", f"{ratio:.3f} at an edit of {edit:.1f} Delta E", ratio <= 1.15)


def windows(ground: Ground) -> Iterator[Line]:
    """Where one window gives way to the next."""
    numbers = ground.journey().measured.numbers
    yield at_most("seam ratio", 1.15, numbers["seam_ratio"])
    yield at_most("colour drift, first to last window", 1.0, numbers["colour_drift"], " Delta E")


def accounts(ground: Ground) -> Iterator[Line]:
    """Every frame is there, and the sound is where it was; heard, not read from the file's tables."""
    made = ground.journey()
    out = finished(made)
    frames = sum(1 for _ in ClipFrames.of(out))
    yield Line("frames in = out", "equal", f"{len(made.clip)} = {frames}", frames == len(made.clip))
    assert made.clip.audio is not None
    offset_ms = 1000 * abs(lag(made.clip, out)) / made.clip.audio.rate_hz
    yield Line("audio offset", "< 1 ms", f"{offset_ms:.3f} ms", offset_ms < 1)
