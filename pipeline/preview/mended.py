"""The matte of a preview as people gave or mended it, without waiting for the analysis of the whole clip."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import cv2
import numpy as np

from pipeline.preview.frame_samples import FrameSamples, Sample, frame_samples
from pipeline.see.analysis import ANALYSE, Analysis
from pipeline.see.mended_matte import MEND, GivenMatte, given_matte, strokes_of
from pipeline.stage import RunContext, Stage
from utils.camera.tracking import Mask
from utils.digest import canonical_json, digest_bytes
from utils.image import Size, bounding_box
from utils.media.clip import Clip
from utils.people.mending import mended
from utils.people.strokes import Strokes
from utils.store import Entry


@dataclass(frozen=True)
class MendedSamples:
    """The frame samples of a clip, and what people gave for its matte."""

    plain: FrameSamples
    given: GivenMatte | None
    strokes: Strokes | None
    carried: Analysis | None = field(repr=False)
    """With the strokes carried through the clip, if a job or a preview of it did that before."""

    @classmethod
    def of(cls, clip: Clip, context: RunContext) -> "MendedSamples":
        """The samples as the settings mean them; raises an error if a matte or strokes do not fit the clip."""

        def take(stage: Stage, **inputs: Any) -> Entry:
            return stage.result(context, **inputs)

        strokes, given = strokes_of(context.settings, clip), given_matte(take, clip, context.settings)
        carried = _carried(clip, context, given, strokes) if strokes else None
        return cls(frame_samples(clip, context), given, strokes, carried)

    @property
    def samples(self) -> FrameSamples:
        """All samples with their mended mattes."""
        if self.given is None and self.strokes is None:
            return self.plain
        digests = [each and each.digest for each in (self.plain, self.given, self.strokes, self.carried)]
        return FrameSamples(digest_bytes(canonical_json(digests)), tuple(map(self.mended, self.plain.all)))

    def mended(self, sample: Sample) -> Sample:
        """A sample with its matte as people gave or mended it."""
        if self.given is None and self.strokes is None:
            return sample
        matte = self._whole(sample.index)
        result = sample.matte if matte is None else _resized(matte, sample.size)
        if self.carried is None and self.strokes and sample.index in self.strokes.frames:
            painted = cv2.resize(self.strokes.painted(sample.index), sample.size, interpolation=cv2.INTER_NEAREST)
            result = mended(result, np.asarray(painted, np.int8), sample.rgb)
        return replace(sample, matte=result, keypoints=_within(sample, result))

    def note(self, index: int) -> str:
        """What a preview of a frame cannot show of the strokes; empty if it shows all."""
        if self.strokes is None or self.carried or self.strokes.frames == [index]:
            return ""
        return "Strokes of other frames are not shown here: they are carried to this one in the job."

    def _whole(self, index: int) -> Mask | None:
        """The matte of a frame at the clip's size, where one is known without looking at the picture."""
        source = self.carried or self.given
        return next(source.mattes([index])) if source else None


def _carried(clip: Clip, context: RunContext, given: GivenMatte | None, strokes: Strokes) -> Analysis | None:
    """The analysis with the strokes carried through the clip, if all of it is in the cache."""
    shown: Mapping[str, Any] = {"shown": given.shown} if given else {}
    if not ANALYSE.known(context, clip=clip, **shown):
        return None
    found = Analysis(ANALYSE.result(context, clip=clip, **shown), given.entry if given else None)
    if not MEND.known(context, clip=clip, found=found, strokes=strokes):
        return None
    return replace(found, mended=MEND.result(context, clip=clip, found=found, strokes=strokes))


def _resized(matte: Mask, size: Size) -> Mask:
    """A matte at the size of a preview."""
    small: Mask = cv2.resize(matte, size, interpolation=cv2.INTER_AREA)
    return small


def _within(sample: Sample, matte: Mask) -> Any:
    """The joints of a sample; none if they belong to somebody who is not in the matte."""
    box, known = bounding_box(matte), np.isfinite(sample.keypoints[:, 0])
    if box is None or not known.any():
        return sample.keypoints
    x, y = sample.keypoints[known].mean(axis=0)
    inside = box.left <= x < box.right and box.top <= y < box.bottom
    return sample.keypoints if inside else np.full_like(sample.keypoints, np.nan)
