"""python -m benchmarks.gallery OUT [CLIP]: one page of all looks over a walker, and over a clip where one is given."""

import argparse
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from html import escape
from pathlib import Path

import cv2
import numpy as np

from pipeline.engines.looks import LOOKS, PICTURE, is_here
from pipeline.engines.looks.styles import STYLES, style_file
from pipeline.preview.frame import FramePreview, preview_frame
from pipeline.see.open_clip import open_clip
from pipeline.settings import Settings
from pipeline.stage import RunContext
from utils.image import RGB, Size
from utils.image.jpeg import write_jpeg
from utils.media.clip import Clip
from utils.store import Store
from utils.walker import Reels, Shot, film

PARTS = {"person": "The person", "background": "The background", "both": "Both"}
STYLES_OF = "styles"
"""The section of the style pictures, beside those of the parts."""
WIDE_PX = 960
"""Pictures of the page are reduced to this width."""
GAP_PX, GAP = 6, 128
"""Between a picture and the person in it: px, and their level of grey."""
STYLE = """
:root { color-scheme: light dark; }
body { font: 15px/1.4 system-ui, sans-serif; margin: 24px; background: light-dark(#f4f4f2, #1b1c1e);
  color: light-dark(#222, #e6e6e3); }
a { color: inherit; } p, nav { max-width: 70ch; } nav a { margin-right: 1em; } h2 { margin-top: 1.6em; }
div { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(360px, 100%), 1fr)); gap: 14px; }
figure { margin: 0; } figcaption { margin: 2px 0 6px; } b { margin-right: .3em; }
figure a { display: block; border-radius: 4px; background-size: 100% 100%; }
img { display: block; width: 100%; height: auto; border-radius: 4px; }
figure a:is(:hover, :focus-visible) img { opacity: 0; }
@media (max-width: 500px) { body { margin: 14px; } }
"""
HEAD = f"""<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Looks</title><style>{STYLE}</style><h1>Looks</h1>
<p>One frame of each clip in every look; on the right of it the person, larger. While the pointer is over a picture it
is as filmed. A click opens it at its full size.</p>"""


@dataclass(frozen=True)
class Entry:
    """One picture of a section: a look, or a style picture, with what is said of it."""

    name: str
    about: str
    settings: Mapping[str, str]


@dataclass(frozen=True)
class Gallery:
    """A folder with the page and its pictures; the walker's clip, and what is known of clips, are kept beside them."""

    folder: Path

    def make(self, clips: list[Path], shot: Shot) -> Path:
        """Write the page of the walker and of these clips."""
        self.folder.mkdir(parents=True, exist_ok=True)
        walker = self.folder / "walker.mp4"
        film(shot, Reels(walker))
        paths = [walker, *clips]
        links = [f'<a href="#clip-{number}">{escape(path.name)}</a>' for number, path in enumerate(paths)]
        sections = [part for number, path in enumerate(paths) for part in self._sections(number, path)]
        page = self.folder / "index.html"
        page.write_text("\n".join([HEAD, f"<nav>{''.join(links)}</nav>", *sections]), encoding="utf-8")
        return page

    def _sections(self, number: int, path: Path) -> Iterator[str]:
        """What one clip has of the page: the clearest frame in all looks on each part, and in style pictures."""
        context = RunContext(Store(self.folder / "cache"), Settings.load().flat(), lambda progress: None)
        clip = open_clip(path, context)
        yield f'<h2 id="clip-{number}">{escape(path.name)}</h2>'
        for part, (title, part_settings, entries) in _chapters().items():
            print(f"{path.name}: {title.lower()}", flush=True)
            changed = replace(context, settings={**context.settings, **part_settings})
            figures = self._figures(f"{number}-{part}", clip, changed, entries)
            yield f"<h3>{title}</h3><div>{''.join(figures)}</div>"

    def _figures(self, name: str, clip: Clip, context: RunContext, entries: list[Entry]) -> Iterator[str]:
        """The frame as it was filmed, and as each entry makes it."""
        source = f"{name}-source.jpg"
        for number, each in enumerate(entries):
            found = preview_frame(clip, replace(context, settings={**context.settings, **each.settings}), None)
            if not number:
                yield self._figure(source, source, _shown(found.before, found), "as filmed", "")
            yield self._figure(f"{name}-{each.name}.jpg", source, _shown(found.after, found), each.name, each.about)

    def _figure(self, file: str, source: str, picture: RGB, name: str, about: str) -> str:
        write_jpeg(self.folder / file, picture, 90)
        size = Size.of(picture)
        image = f'<img src="{file}" alt="{name}" width="{size.width_px}" height="{size.height_px}" loading="lazy">'
        caption = f"<figcaption><b>{name}</b>{escape(about)}</figcaption>"
        return f'<figure><a href="{file}" style="background-image:url({source})">{image}</a>{caption}</figure>'


def _chapters() -> Mapping[str, tuple[str, Mapping[str, str], list[Entry]]]:
    """By their names: the title of each section of a clip, its settings, and its pictures."""
    looks = [Entry(name, about, {"generate.look": name}) for name, about in LOOKS.items() if is_here(name)]
    chapters: dict[str, tuple[str, Mapping[str, str], list[Entry]]] = {
        part: (title, {"generate.apply_to": part}, looks) for part, title in PARTS.items()
    }
    if is_here(PICTURE):
        given = {name: {"generate.reference": str(style_file(name))} for name in STYLES}
        styles = [Entry(name, STYLES[name], settings) for name, settings in given.items()]
        chapters[STYLES_OF] = ("After style pictures", {"generate.look": PICTURE}, styles)
    return chapters


def _shown(picture: RGB, found: FramePreview) -> RGB:
    """A picture reduced for the page, and beside it, on the right, the person alone where there is one."""
    size = Size.of(picture)
    scale = min(1.0, WIDE_PX / size.width_px)
    small = np.asarray(cv2.resize(picture, size.scaled(scale), interpolation=cv2.INTER_AREA))
    if found.box is None:
        return small
    near = found.box.grown(round(0.05 * found.box.size.height_px), size)
    tall_px = len(small)
    person = cv2.resize(picture[near.slices], (round(near.size.width_px * tall_px / near.size.height_px), tall_px))
    return np.concatenate([small, np.full((tall_px, GAP_PX, 3), GAP, np.uint8), person], axis=1)


def main() -> None:
    """Write the page, and say where it is."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gallery", description=__doc__)
    parser.add_argument("out", type=Path, help="the folder of the page")
    parser.add_argument("clips", type=Path, nargs="*", help="clips beside the walker")
    options = parser.parse_args()
    print(f"The page is {Gallery(options.out).make(options.clips, Shot(size=(960, 540), frames=90))}")


if __name__ == "__main__":
    main()
