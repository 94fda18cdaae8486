"""Measures of the person: an exact identity at strength 0, steadiness of the looks, seams, frames and sound."""

from collections.abc import Iterator

import numpy as np

from benchmarks.journey_ground import Ground, Line, at_least, at_most
from pipeline.compose.compositor import Compositor
from pipeline.compose.result_camera import ResultCamera
from pipeline.engines.looks import LOOKS, is_here
from tests.journeys import finished
from tests.sound import lag
from utils.image.metrics import psnr_db
from utils.media.video import ClipFrames

SURE = 250
"""Pixels of the matte from this value on are the person's alone."""


def identity(ground: Ground) -> Iterator[Line]:
    """At strength 0, what the way through the stable picture and back costs, before encoding."""
    made = ground.journey(generate__strength=0)
    compositor = Compositor(made.stable, "person", 0, made.feet.field, ResultCamera())
    generated = iter(made.frames)
    coming, scores, touched = next(generated, None), [], 0
    for frame, matte in zip(ClipFrames.of(made.clip), made.stable.analysis.mattes(made.clip.span), strict=True):
        placed = coming if coming is not None and coming.index == frame.index else None
        picture = compositor.frame(frame, matte, placed)
        touched += int((picture[matte == 0] != frame.rgb[matte == 0]).any(axis=1).sum())
        if placed is not None:
            coming = next(generated, None)
            if (matte > SURE).any():
                scores.append(psnr_db(picture, frame.rgb, matte > SURE))
    yield at_least("identity, person, mean PSNR", 40, float(np.mean(scores)), " dB")
    yield at_least("identity, person, worst frame", 40, min(scores), " dB")
    yield Line("identity, pixels changed outside the matte", "0", str(touched), touched == 0)


def looks(ground: Ground) -> Iterator[Line]:
    """The warp error of each look as a ratio of the source's, and how much the look changes."""
    for look in filter(is_here, LOOKS):
        numbers = ground.journey(generate__look=look).measured.numbers
        ratio, edit = numbers["warp_error"]["ratio"], numbers["edit_magnitude"]
        yield Line(f"warp error, {look}", "<= 1.15", f"{ratio:.3f} at an edit of {edit:.1f} Delta E", ratio <= 1.15)


def windows(ground: Ground) -> Iterator[Line]:
    """Seams and colour drift between windows."""
    numbers = ground.journey().measured.numbers
    yield at_most("seam ratio", 1.15, numbers["seam_ratio"])
    yield at_most("colour drift, first to last window", 1.0, numbers["colour_drift"], " Delta E")


def accounts(ground: Ground) -> Iterator[Line]:
    """The frame count, and the offset of the sound, found by correlation instead of the file's tables."""
    made = ground.journey()
    out = finished(made)
    frames = sum(1 for _ in ClipFrames.of(out))
    yield Line("frames in = out", "equal", f"{len(made.clip)} = {frames}", frames == len(made.clip))
    assert made.clip.audio is not None
    offset_ms = 1000 * abs(lag(made.clip, out)) / made.clip.audio.rate_hz
    yield Line("audio offset", "< 1 ms", f"{offset_ms:.3f} ms", offset_ms < 1)
