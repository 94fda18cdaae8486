"""The result: composite, re-shake and encode, each frame once, with its numbers measured on the way."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from pipeline.compose.compositor import Backdrop, Compositor
from pipeline.compose.foot_correction import Lock, Slides
from pipeline.compose.person_frames import Drawn, Generated
from pipeline.compose.plates import Backdrops
from pipeline.compose.result_camera import Reshake
from pipeline.plan.planning import Segments
from pipeline.plan.stable_view import Staging
from pipeline.report.colour_drift import colour_drift
from pipeline.report.contact_sheet import Stills
from pipeline.report.measures import Measures, number
from pipeline.stage import Stage, Work
from utils.camera.tracking import Mask
from utils.image import RGB
from utils.media.clip import Clip
from utils.media.probe import Limits, scan
from utils.media.timebase import Span
from utils.media.video import ClipFrames, Frame
from utils.media.write import Encoding, write_clip
from utils.prefetch import ahead
from utils.store import Entry

CLIP, NUMBERS, SHEET = "result.mp4", "numbers.json", "sheet.jpg"


@dataclass(frozen=True)
class Result:
    """The finished clip and its numbers, read from the cache."""

    entry: Entry

    @cached_property
    def numbers(self) -> dict[str, Any]:
        return dict(json.loads(self.entry.read_bytes(NUMBERS)))


def _finish(work: Work) -> None:
    _Finishing(work).run()


class _Finishing:
    """One result in the making."""

    def __init__(self, work: Work) -> None:
        inputs, chosen = work.inputs, work.chosen
        self._work = work
        self._staging: Staging = inputs["staging"]
        self._generated: Generated = inputs["generated"]
        self._reshake = Reshake.of(self._staging.stable.path, chosen["reshake.strength"])
        backdrops: Backdrops | None = inputs.get("plates")
        everywhere = chosen["composite.background"] == "plate"
        lock: Lock = inputs["lock"]
        self._compositor = Compositor(
            self._staging,
            chosen["generate.apply_to"],
            chosen["composite.feather_px"],
            lock.field,
            self._reshake,
            Backdrop(backdrops.behind, everywhere) if backdrops else None,
        )
        self._measures = Measures(self._staging, self._reshake, _hold(inputs["segments"]), self._generated.joins)
        self._slides = Slides(self._staging, self._reshake)
        self._stills = Stills(len(self._staging.clip), whole=chosen["generate.apply_to"] != "person")

    def run(self) -> None:
        """Make it, write it, tell its numbers."""
        chosen, clip = self._work.chosen, self._staging.clip
        encoding = Encoding(chosen["encode.crf"], chosen["encode.x264_preset"])
        path = self._work.folder / CLIP
        write_clip(path, ahead(self._frames()), clip, encoding)
        told = {
            **self._measures.told(),
            **_accounts(clip, path),
            "slide": self._slides.told(),
            "colour_drift": number(colour_drift(self._generated, self._staging)),
            "crop": round(self._reshake.kept_share, 5),
        }
        (self._work.folder / NUMBERS).write_text(json.dumps(told))
        self._stills.write(self._work.folder / SHEET)

    def _frames(self) -> Iterator[Frame]:
        """Finished pictures, measured on their way."""
        count = len(self._staging.clip)
        for shown, outline, picture, drawn in ahead(self._pictures()):
            self._measures.add(shown, outline, picture, drawn)
            self._slides.add(shown.index, picture)
            self._stills.add(shown.index, shown.rgb, picture, outline)
            self._work.report(shown.index + 1, count)
            yield Frame(shown.index, shown.pts, picture)

    def _pictures(self) -> Iterator[tuple[Frame, Mask, RGB, Drawn | None]]:
        """Frames and mattes as the result's camera sees them, the finished picture, and what was drawn for it."""
        for frame, matte, drawn in ahead(self._sources()):
            shown, outline = self._reshake.shown(frame, matte)
            yield shown, outline, self._compositor.frame(shown, outline, drawn, frame.rgb), drawn

    def _sources(self) -> Iterator[tuple[Frame, Mask, Drawn | None]]:
        """Every frame with its matte and what was generated for it."""
        clip, drawn = self._staging.clip, ahead(iter(self._generated))
        coming = next(drawn, None)
        mattes = self._staging.seen.mattes(clip.span)
        for frame, matte in zip(ClipFrames.of(clip), mattes, strict=True):
            here = coming if coming is not None and coming.index == frame.index else None
            if here is not None:
                coming = next(drawn, None)
            yield frame, matte, here


def _accounts(clip: Clip, path: Path) -> dict[str, Any]:
    """What is in the finished file, found by reading it again to its end."""
    made = scan(path, Limits())
    offset = made.audio.start_s - clip.audio.start_s if made.audio and clip.audio else None
    return {
        "frames_in": len(clip),
        "frames_out": len(made),
        "fps": float(made.rate),
        "audio_offset_ms": None if offset is None else round(float(offset) * 1000, 4),
    }


def _hold(segments: Segments) -> Span:
    """The frames in which the person stands; none when there is no such phase."""
    holds = [each.span for each in segments.all if each.name == "hold"]
    return Span(holds[0].start, holds[-1].stop) if holds else Span(0, 0)


RESULT = Stage(
    "result",
    version=9,
    run=_finish,
    settings=(
        "generate.apply_to",
        "composite.background",
        "composite.feather_px",
        "reshake.strength",
        "encode.crf",
        "encode.x264_preset",
    ),
    tools=("numpy", "opencv-contrib-python", "av"),
)
