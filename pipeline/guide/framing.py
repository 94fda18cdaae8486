"""Framing: how pictures of one size come into another, cropped or padded; the same for a picture and for its flow."""

from dataclasses import dataclass

import cv2
import numpy as np

from pipeline.guide.terms import Fit
from utils.flow import Flow
from utils.image import Box, Size, Values


@dataclass(frozen=True)
class Framing:
    """The part `crop` of a picture of the size `source` fills the box `inside` of a picture of the size `target`."""

    source: Size
    target: Size
    crop: Box
    inside: Box

    @classmethod
    def of(cls, source: Size, target: Size, fit: Fit) -> "Framing":
        """Centred: with `crop` the target is filled and edges are cut off, with `pad` all is seen between bars."""
        whole, full = Box(0, 0, *source), Box(0, 0, *target)
        if fit == "crop":
            return cls(source, target, _centred(source, target), full)
        return cls(source, target, whole, _centred(target, source))

    def picture(self, picture: Values) -> Values:
        """A picture, or any values in its place, inside the box."""
        part = picture[self.crop.slices]
        smaller = self.inside.size.area_px < self.crop.size.area_px
        kind = cv2.INTER_AREA if smaller else cv2.INTER_CUBIC
        return np.asarray(cv2.resize(part, self.inside.size, interpolation=kind))  # type: ignore[return-value]

    def flow(self, flow: Flow) -> Flow:
        """A flow between such pictures, of whatever size, for the pictures inside the box."""
        width, height = self.inside.size
        shrunk = [own / of for own, of in zip(flow.size, self.source, strict=True)]
        scale = [own / of for own, of in zip(self.inside.size, self.crop.size, strict=True)]
        to_flow = np.array(
            [
                [shrunk[0] / scale[0], 0, shrunk[0] * (0.5 / scale[0] + self.crop.left) - 0.5],
                [0, shrunk[1] / scale[1], shrunk[1] * (0.5 / scale[1] + self.crop.top) - 0.5],
            ]
        )
        options = {"flags": cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, "borderMode": cv2.BORDER_REPLICATE}
        vectors = cv2.warpAffine(flow.vectors, to_flow, (width, height), **options)
        vectors *= np.array([each / own for each, own in zip(scale, shrunk, strict=True)], np.float32)
        valid = cv2.warpAffine(flow.valid.astype(np.uint8) * 255, to_flow, (width, height), **options) > 127
        return Flow(np.asarray(vectors, np.float32), valid, flow.source, flow.target)

    def placed(self, inside: Values, around: int) -> Values:
        """What lies in the box, in a picture of the target's size that is grey (0..255) around it."""
        if self.inside.size == self.target:
            return inside
        shape = (self.target.height_px, self.target.width_px, *inside.shape[2:])
        picture: Values = np.full(shape, around, inside.dtype)  # type: ignore[assignment]
        picture[self.inside.slices] = inside
        return picture


def _centred(of: Size, shape: Size) -> Box:
    """The largest box in the middle of a picture that has the shape of another."""
    scale = min(of.width_px / shape.width_px, of.height_px / shape.height_px)
    size = Size(*(min(own, max(1, round(scale * side))) for own, side in zip(of, shape, strict=True)))
    left, top = (of.width_px - size.width_px) // 2, (of.height_px - size.height_px) // 2
    return Box(left, top, left + size.width_px, top + size.height_px)
