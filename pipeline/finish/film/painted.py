"""Pictures of a film that an engine makes: a frame of its clip, changed by a prompt; made once, and kept."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from pipeline.engines import engine as find_engine
from pipeline.engines import ready
from pipeline.engines.base import MEMORY, Engine, Style, View, Window
from pipeline.engines.weights import named
from pipeline.finish.film.plan import Picture
from pipeline.make.controls import leads
from pipeline.preview.frame import generated
from pipeline.run import Run
from pipeline.settings import Settings
from pipeline.stage import RunContext, Stage, Work
from utils.digest import canonical_json, digest_bytes
from utils.errors import ReshootError, SettingsError
from utils.film.stamp import RGBA
from utils.image import RGB
from utils.image.picture_file import read_picture
from utils.media.clip import Clip
from utils.media.video import ClipFrames
from utils.people.pose import LANDMARKS
from utils.store import Entry

STAGE, PICTURE, VERSION = "painted picture", "picture.png", 1


class NotMadeYet(ReshootError):
    """A picture takes too long to be made for one moment."""


@dataclass(frozen=True)
class Painted:
    """A picture that was made, and how."""

    entry: Entry
    how: str

    @property
    def digest(self) -> str:
        return self.entry.digest

    @cached_property
    def rgba(self) -> RGBA:
        """Its pixels, opaque throughout."""
        rgb = read_picture(Path(self.entry.path(PICTURE)))
        return np.dstack([rgb, np.full(rgb.shape[:2], 255, np.uint8)])


@dataclass(frozen=True)
class Moment:
    """A frame of a clip, and the engine that paints on it."""

    clip: Clip
    index: int
    engine: str

    @cached_property
    def digest(self) -> str:
        return digest_bytes(canonical_json([self.clip.digest, self.index, self.engine]))

    def read(self) -> RGB:
        """The frame."""
        (frame,) = ClipFrames.of(self.clip).read([self.index])
        return frame.rgb


def painted(moment: Moment, wanted: Picture, run: Run, *, only_known: bool = False) -> Painted:
    """A frame of a clip as a prompt changes it; an error says what is missing for that, such as weights."""
    engine = find_engine(moment.engine)
    if "generate.prompt" not in engine.settings:
        raise SettingsError(
            f"The engine {engine.name!r} takes no prompt.", "Choose `edit` or another one with a model."
        )
    settings = _settings(engine, wanted)
    models = engine.models(settings)
    own = Run(replace(run.context, settings=settings), run.done, run.events)
    stage = _painting(ready(engine), own.context)
    if only_known and not stage.known(own.context, models=models, moment=moment):
        raise NotMadeYet("It is made when the film is rendered.", "Render the film to see it.")
    entry = own.take(stage, models, moment=moment)
    with_model = f" with {settings['generate.model']}" if settings["generate.model"] else ""
    return Painted(entry, f"made by {engine.name}{with_model} from the clip's frame {moment.index}")


def _settings(engine: Engine, wanted: Picture) -> dict[str, Any]:
    """The settings of a restyled clip, with those of the picture over them, on the whole of the frame."""
    own = {f"generate.{name}": value for name, value in wanted.made_with.set_values.items()}
    asked = {**own, "generate.engine": engine.name, "generate.prompt": wanted.prompt, "generate.apply_to": "both"}
    settings = dict[str, Any](Settings.load(overrides=asked).flat())
    return settings | named(engine.name, settings)


def _painting(engine: Engine, context: RunContext) -> Stage:
    """The stage that paints a frame with an engine."""

    def run(work: Work) -> None:
        moment: Moment = work.inputs["moment"]
        rgb = generated(engine, _window(moment, engine, work.settings), context)
        Image.fromarray(rgb).save(work.folder / PICTURE, "PNG")

    machine = () if engine.caps.deterministic == "anywhere" else (str(context.sessions.device),)
    return Stage(
        STAGE,
        version=VERSION + 1000 * engine.version,
        run=run,
        settings=tuple(sorted({*engine.settings, *engine.opening, "generate.apply_to"} - {*MEMORY})),
        unkeyed=MEMORY,
        tools=tuple(sorted({"numpy", "pillow", "av", *engine.tools})),
        machine=machine,
    )


def _window(moment: Moment, engine: Engine, settings: Mapping[str, Any]) -> Window:
    """A frame as the engine sees it; nobody was looked for in it."""
    rgb = moment.read()
    nobody, nowhere = np.zeros(rgb.shape[:2], np.uint8), np.full((LANDMARKS, 2), np.nan, np.float32)
    view = View(moment.index, rgb, nobody, nowhere)
    window = Window.single(view, settings, Style(moment.digest, [view]), moment.clip.rate)
    return replace(window, controls=leads(engine.caps.controls, window.views, None))
