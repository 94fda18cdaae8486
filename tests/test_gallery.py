"""The gallery: one page of every look over a clip, on each part of its frames, and of style pictures."""

import re
from pathlib import Path

import cv2
import numpy as np
import pytest

from benchmarks.gallery import PARTS, Gallery
from pipeline.engines.looks import PICTURE
from pipeline.engines.looks.styles import STYLES
from tests.journeys import written
from tests.looks import HERE
from utils.walker import Shot, walk

pytestmark = pytest.mark.slow


def test_every_look_is_on_the_page(tmp_path: Path) -> None:
    clip = written(tmp_path / "a #1 & b.mp4", [rgb for rgb, _ in walk(Shot(size=(320, 180), frames=3, seed=3))])
    page = Gallery(tmp_path / "gallery").make([clip], Shot(size=(320, 180), frames=3))
    text = page.read_text(encoding="utf-8")
    shown = re.findall(r'<img src="([^"]+)"', text)
    styles = tuple(STYLES) if PICTURE in HERE else ()
    assert len(shown) == len(set(shown)) == 2 * (len(PARTS) * (1 + len(HERE)) + (1 + len(styles) if styles else 0))
    assert all(f"<b>{name}</b>" in text for name in (*HERE, *styles)) and ">a #1 &amp; b.mp4</h2>" in text
    assert set(re.findall(r'href="#([^"]+)"', text)) == set(re.findall(r'<h2 id="([^"]+)"', text))
    assert set(re.findall(r"url\(([^)]+)\)", text)) == {name for name in shown if name.endswith("-source.jpg")}
    pictures = {name: cv2.imread(str(page.parent / name)).astype(float) for name in shown}
    for name, picture in pictures.items():
        source = pictures[re.sub(r"-(\w+)\.jpg$", "-source.jpg", name)]
        assert picture.shape == source.shape
        assert name.endswith("-source.jpg") or np.abs(picture - source).mean() > 0.5, f"{name} is as it was filmed"
