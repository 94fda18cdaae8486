"""python -m benchmarks.gallery OUT [CLIP]: one page of all looks over a walker, and over a clip where one is given."""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass, replace
from html import escape
from pathlib import Path

import cv2
import numpy as np

from pipeline.engines import engine
from pipeline.engines.looks import LOOKS
from pipeline.preview.frame import FramePreview
from pipeline.preview.grid import previews, variations
from pipeline.see.open_clip import open_clip
from pipeline.settings import Settings
from pipeline.stage import RunContext
from utils.image import RGB, Size
from utils.image.jpeg import write_jpeg
from utils.media.clip import Clip
from utils.store import Store
from utils.walker import Reels, Shot, film

PARTS = {"person": "The person", "background": "The background", "both": "Both"}
WIDE_PX = 960
"""Pictures of the page are reduced to this width."""
STYLE = """
body { font: 15px system-ui, sans-serif; margin: 24px; background: #f4f4f2; color: #222; }
div { display: grid; grid-template-columns: repeat(auto-fill, minmax(360px, 1fr)); gap: 14px; }
figure { margin: 0; } img { width: 100%; border-radius: 4px; } figcaption { margin: 2px 0 6px; }
"""


@dataclass(frozen=True)
class Gallery:
    """A folder with the page and its pictures; the walker's clip, and what is known of clips, are kept beside them."""

    folder: Path

    def make(self, clips: list[Path], shot: Shot) -> Path:
        """Write the page of the walker and of these clips."""
        self.folder.mkdir(parents=True, exist_ok=True)
        walker = self.folder / "walker.mp4"
        film(shot, Reels(walker))
        sections = [part for number, path in enumerate((walker, *clips)) for part in self._sections(number, path)]
        page = self.folder / "index.html"
        head = f"<!doctype html><meta charset=utf-8><title>Looks</title><style>{STYLE}</style><h1>Looks</h1>"
        page.write_text("\n".join([head, *sections]), encoding="utf-8")
        return page

    def _sections(self, number: int, path: Path) -> Iterator[str]:
        """What one clip has of the page: all looks on each part of the clearest frame."""
        context = RunContext(Store(self.folder / "cache"), Settings.load().flat(), lambda progress: None)
        clip = open_clip(path, context)
        yield f"<h2>{escape(path.name)}</h2>"
        for part, title in PARTS.items():
            print(f"{path.name}: {title.lower()}", flush=True)
            changed = replace(context, settings={**context.settings, "generate.apply_to": part})
            figures = self._figures(f"{number}-{part}", clip, changed)
            yield f"<h3>{title}</h3><div>{''.join(figures)}</div>"

    def _figures(self, name: str, clip: Clip, context: RunContext) -> Iterator[str]:
        """The frame as it was filmed, and in each look."""
        chosen = variations(engine("restyle"), context.settings, "all", None)
        for number, (each, found) in enumerate(zip(chosen, previews(clip, context, None, chosen), strict=True)):
            if not number:
                yield self._figure(f"{name}-source", _shown(found.before, found), "as filmed")
            caption = f"<b>{each.label}</b> {escape(LOOKS[each.label])}"
            yield self._figure(f"{name}-{each.file_name}", _shown(found.after, found), caption)

    def _figure(self, name: str, picture: RGB, caption: str) -> str:
        write_jpeg(self.folder / f"{name}.jpg", picture, 90)
        return f'<figure><img src="{name}.jpg" alt=""><figcaption>{caption}</figcaption></figure>'


def _shown(picture: RGB, found: FramePreview) -> RGB:
    """A picture reduced for the page, and beside it, on the right, the person alone where there is one."""
    size = Size.of(picture)
    small = cv2.resize(picture, size.scaled(min(1.0, WIDE_PX / size.width_px)), interpolation=cv2.INTER_AREA)
    if found.box is None:
        return np.asarray(small)
    near = found.box.grown(round(0.05 * found.box.size.height_px), size)
    scale = small.shape[0] / near.size.height_px
    person = cv2.resize(picture[near.slices], (round(near.size.width_px * scale), small.shape[0]))
    return np.concatenate([small, person], axis=1)


def main() -> None:
    """Write the page, and say where it is."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gallery", description=__doc__)
    parser.add_argument("out", type=Path, help="the folder of the page")
    parser.add_argument("clips", type=Path, nargs="*", help="clips beside the walker")
    options = parser.parse_args()
    print(f"The page is {Gallery(options.out).make(options.clips, Shot(size=(960, 540), frames=90))}")


if __name__ == "__main__":
    main()
