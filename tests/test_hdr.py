"""High dynamic range: diffuse white lands in one place whatever carried it, greys stay grey, nothing runs over."""

import subprocess
from pathlib import Path

import numpy as np
import pytest

from tests.forms import FFMPEG
from utils.media.hdr import to_standard
from utils.media.intake import probe
from utils.media.video import ClipFrames
from utils.media.write import write_clip

DIFFUSE_WHITE = {"HLG": 0.75, "PQ": 0.5807}
"""The signal of 203 nits, from ITU-R BT.2408."""


def ramp() -> np.ndarray[tuple[int, ...], np.dtype[np.uint16]]:
    codes = np.arange(0, 1 << 16, 16, dtype=np.uint16)
    return np.repeat(codes[None, :, None], 3, axis=2)


@pytest.mark.parametrize("transfer", DIFFUSE_WHITE)
def test_diffuse_white_is_bright_and_not_burnt(transfer: str) -> None:
    code = round(DIFFUSE_WHITE[transfer] * 65535)
    white = to_standard(np.full((1, 1, 3), code, np.uint16), transfer)[0, 0]
    expected = 255 * (0.6 + 0.4 * (1 - np.exp(-1))) ** (1 / 2.4)
    assert np.abs(white - expected).max() < 2.5


@pytest.mark.parametrize("transfer", DIFFUSE_WHITE)
def test_greys_stay_grey_and_in_order(transfer: str) -> None:
    levels = to_standard(ramp(), transfer)[0].astype(int)
    assert levels[0].max() == 0 and levels[-1].min() >= 254
    assert (np.diff(levels[:, 1]) >= 0).all()
    assert np.ptp(levels, axis=1).max() <= 1


def test_strong_colours_keep_their_order() -> None:
    red = to_standard(np.array([[[60000, 20000, 20000]]], np.uint16), "HLG")[0, 0]
    assert red[0] > red[1] and red[0] > red[2]


def test_a_phone_clip_reads_and_is_written_as_standard_range(tmp_path: Path) -> None:
    path = tmp_path / "phone.mp4"
    tags = "color_trc=arib-std-b67:color_primaries=bt2020:colorspace=bt2020nc:range=tv"
    grey = "color=c=0xBFBFBF:s=160x96:d=0.4:r=30,format=gbrp10,scale=out_color_matrix=bt2020:out_range=tv"
    codec = ["-c:v", "libx264", "-crf", "4"]
    source = ["-f", "lavfi", "-i", f"{grey},format=yuv420p10le,setparams={tags}"]
    subprocess.run([FFMPEG, "-v", "error", *source, *codec, str(path)], check=True)
    clip = probe(path)
    assert clip.colour.hdr == "HLG"
    assert any("HLG high dynamic range" in note for note in clip.notes)
    middle = next(iter(ClipFrames.of(clip))).rgb[48, 80]
    assert np.abs(middle.astype(int) - 238).max() <= 3
    write_clip(tmp_path / "copy.mp4", ClipFrames.of(clip), clip)
    copy = probe(tmp_path / "copy.mp4")
    assert copy.colour.hdr is None and copy.colour.matrix == 1
    again = next(iter(ClipFrames.of(copy))).rgb[48, 80]
    assert np.abs(again.astype(int) - middle).max() <= 2
