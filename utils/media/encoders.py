"""Encoders of H.264: x264, which works everywhere, and those of graphics cards and processors, by their names.

What a quality of x264 (CRF) means to another one is near, not the same. None of these but x264 gives the same bytes on
every machine.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import av

X264 = "x264"
SCALE = 118
"""FFmpeg counts a quality in steps of this."""


@dataclass(frozen=True, slots=True)
class Encoder:
    """An encoder: its name in the settings, that for people, FFmpeg's, and the pixels that it takes."""

    name: str
    title: str
    codec: str
    pixel_format: str = "yuv420p"

    def options(self, crf: int) -> Mapping[str, str]:
        """FFmpeg's options of a hardware encoder for about this quality, without frames that wait for later ones."""
        quality = str(max(1, crf))
        return {
            "nvenc": {"preset": "p5", "tune": "hq", "rc": "vbr", "cq": quality, "b": "0", "bf": "0", "forced-idr": "1"},
            "qsv": {"preset": "medium", "global_quality": quality, "bf": "0"},
            "vaapi": {"rc_mode": "CQP", "qp": quality, "bf": "0"},
            "videotoolbox": {"flags": "+qscale", "global_quality": str(SCALE * max(1, 100 - 2 * crf)), "bf": "0"},
        }[self.name]

    @property
    def is_built_in(self) -> bool:
        """Whether this installation's FFmpeg has it, which does not say that it works."""
        try:
            av.Codec(self.codec, "w")
        except ValueError:
            return False
        return True


ENCODERS = {
    each.name: each
    for each in (
        Encoder(X264, "x264", "libx264"),
        Encoder("nvenc", "NVENC (NVIDIA)", "h264_nvenc"),
        Encoder("qsv", "Quick Sync (Intel)", "h264_qsv", "nv12"),
        Encoder("vaapi", "VA-API", "h264_vaapi", "nv12"),
        Encoder("videotoolbox", "VideoToolbox (Apple)", "h264_videotoolbox"),
    )
}
HARDWARE = tuple(name for name in ENCODERS if name != X264)
"""In the order in which `auto` tries them."""
