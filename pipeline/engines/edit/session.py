"""A session of the engine `edit`: makes windows from a few painted frames of each, and keeps no failed picture."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.engines.base import EngineError, EngineFrame, Output, Provenance, Tell, View, Window
from pipeline.engines.diffusion.attempts import Attempt, Attempts
from pipeline.engines.diffusion.pictures import Mask, faded, part_mask
from pipeline.engines.edit.defaults import Defaults
from pipeline.engines.edit.opened import Floats, Opened, Request
from pipeline.engines.edit.sheets import Sheets, cut_out, laid_over, resized, working_size
from utils.image import RGB
from utils.keyframes.stretch import Stretch
from utils.memory import clear_cuda
from utils.progress import Cancel

BLACK = 4 / 255
"""A picture without anything brighter is taken for a failure, unless it was asked to be as dark."""
MOST_MISSING = 0.01
"""Most of the part in a frame of the window before that may lie outside of that window, if this one goes on from it."""
ANCHOR = "first_key"
"""The name under which windows pass on what the first key of a clip shows, for later keys to look like it."""


@dataclass
class EditSession:
    """Makes windows with an opened model."""

    provenance: Provenance
    model: Opened
    defaults: Defaults
    attempts: Attempts

    def preview(self, window: Window, index: int) -> RGB:
        """One painted frame."""
        view = next(view for view in window.views() if view.index == index)
        work = _Work.of(window, [view], Cancel(), lambda share, note: None, Output(iter(())))
        painted = self._painted(work, _Key(0))
        return laid_over(view.rgb, painted, faded(work.parts[0]))

    def run(self, window: Window, cancel: Cancel, tell: Tell) -> Output:
        """Make the frames of a window; they come when its keys are painted."""
        output = Output(iter(()))
        return Output(self._frames(window, cancel, tell, output), output.fallbacks, output.state)

    def close(self) -> None:
        """Release the model."""
        self.model.close()

    def _frames(self, window: Window, cancel: Cancel, tell: Tell, output: Output) -> Iterator[EngineFrame]:
        cancel.check()
        work = _Work.of(window, list(window.views()), cancel, tell, output)
        alone = window.settings["generate.apply_to"] == "person"
        subjects = [view.matte for view in work.views] if alone else work.parts
        stretch = Stretch([_grey(view.rgb) for view in work.views], subjects, cancel.check)
        before = _going_on(work)
        first = max(0, len(before) - 1)
        if before and window.carry:
            stretch.known(first, window.carry.valid[first])
        pictures = {first: before[first]} if before else {}
        self._paint(work, stretch.keys(first=first), pictures)
        whole = [*before[:first], *stretch.carried(pictures)] if first else stretch.carried(pictures)
        for view, part, picture in zip(work.views, work.parts, whole, strict=True):
            alpha = faded(part)
            shown = np.where(part[..., None] > 0, picture, view.rgb) if alone else laid_over(view.rgb, picture, alpha)
            yield EngineFrame(np.asarray(shown, np.uint8), alpha if alone else None)

    def _paint(self, work: "_Work", keys: Sequence[int], pictures: dict[int, RGB]) -> None:
        """Paint the keys that have no picture yet. All of them look at the first one of the clip."""
        anchor = _anchor(work, pictures)
        to_paint = [key for key in keys if key not in pictures]
        try:
            for number, key in enumerate(to_paint):
                references = () if anchor is None else (anchor,)
                pictures[key] = self._painted(work, _Key(key, number, len(to_paint), references))
                if anchor is None and work.parts[key].any():
                    anchor = cut_out(pictures[key], work.parts[key])
        finally:
            clear_cuda()
        if anchor is not None:
            work.output.state[ANCHOR] = anchor

    def _painted(self, work: "_Work", key: "_Key") -> RGB:
        """A painted frame, at the size of the window, with the source outside of the part."""
        view, part = work.views[key.frame], work.parts[key.frame]
        if not part.any():
            return view.rgb
        references = (*work.window.style.references, *key.references)

        def attempt(now: Attempt) -> RGB:
            size = working_size(view.size, self.defaults.area_px, self.model.size_multiple, now.scale)
            given = Sheets.of(view.rgb, part, references, size)
            self.model.read(self._request(work))
            self.model.place(now.offload)
            return self._checked(given, work, key)

        painted = resized(self.attempts.run(attempt, work.output.fallbacks), view.size)
        return np.asarray(np.where(part[..., None] > 0, painted, view.rgb), np.uint8)

    def _checked(self, given: Sheets, work: "_Work", key: "_Key") -> RGB:
        """The picture of a call; one that fails is tried once more in full precision, and never kept."""
        asked = self._request(work)

        def step(done: int) -> None:
            work.cancel.check()
            share = (key.number + done / asked.steps) / key.count
            work.tell(share, f"key frame {key.number + 1} of {key.count}, step {done} of {asked.steps}")

        made = self.model.painted(given, asked, step)
        self._say_if_cut(asked, work.output)
        if problem := _problem(made, given):
            if not self.model.to_full_precision():
                raise EngineError(
                    f"The model made only {problem}.", "Try another seed or fewer LoRAs; verify the model's files."
                )
            work.output.fallbacks.append(f"The model made only {problem}; it computes in full precision now.")
            made = self.model.painted(given, asked, step)
            if problem := _problem(made, given):
                raise EngineError(
                    f"The model made only {problem}, in full precision too.",
                    "Verify the model's files, or try another seed.",
                )
        return np.asarray(np.rint(255 * made), np.uint8)

    def _request(self, work: "_Work") -> Request:
        settings = work.window.settings
        guidance = settings["generate.guidance"] or self.defaults.guidance
        if guidance > 1 and not self.model.takes_guidance:
            guidance = 1.0
            work.say("This checkpoint was made to work without guidance, so the guidance and what is not wanted are"
                     " not used.")  # fmt: skip
        return Request(
            prompt=settings["generate.prompt"],
            negative_prompt=settings["generate.negative_prompt"],
            steps=settings["generate.steps"] or self.defaults.steps,
            guidance=guidance,
            seed=settings["generate.seed"],
        )

    def _say_if_cut(self, asked: Request, output: Output) -> None:
        if self.model.prompts.was_cut(asked.prompt):
            sentence = f"The prompt is longer than {self.model.prompts.most_tokens} tokens; its end was not read."
            if sentence not in output.fallbacks:
                output.fallbacks.append(sentence)


@dataclass(frozen=True)
class _Work:
    """A window that is being made; `parts` are the masks of what is painted of its views."""

    window: Window
    views: Sequence[View]
    parts: Sequence[Mask]
    cancel: Cancel
    tell: Tell
    output: Output

    @classmethod
    def of(cls, window: Window, views: Sequence[View], cancel: Cancel, tell: Tell, output: Output) -> "_Work":
        parts = [part_mask(view.matte, window.settings["generate.apply_to"]) for view in views]
        return cls(window, views, parts, cancel, tell, output)

    def say(self, sentence: str) -> None:
        """Note once what is done otherwise than asked for."""
        if sentence not in self.output.fallbacks:
            self.output.fallbacks.append(sentence)


@dataclass(frozen=True)
class _Key:
    """A frame to paint, which of how many that is, and pictures that it is to look like."""

    frame: int
    number: int = 0
    count: int = 1
    references: tuple[RGB, ...] = ()


def _going_on(work: _Work) -> list[RGB]:
    """The first frames as the window before made them; none where it did not show all of what is painted in them."""
    carry = work.window.carry
    if carry is None:
        return []
    whole = list[RGB]()
    for frame, valid, view, part in zip(carry.frames, carry.valid, work.views, work.parts, strict=False):
        inside = part > 0
        if inside.any() and (valid[inside] < 128).mean() > MOST_MISSING:
            return []
        whole.append(np.where(valid[..., None] > 127, frame, view.rgb))
    return whole


def _anchor(work: _Work, pictures: Mapping[int, RGB]) -> RGB | None:
    """What the first key of the clip shows: from the window before, or the end of that window itself."""
    carry = work.window.carry
    if carry and ANCHOR in carry.state:
        return np.asarray(carry.state[ANCHOR], np.uint8)
    return next((cut_out(picture, work.parts[frame]) for frame, picture in pictures.items()), None)


def _problem(made: Floats, given: Sheets) -> str | None:
    """What is wrong with a picture: not numbers, or black where the source is not."""
    if not np.isfinite(made).all():
        return "values that are no numbers"
    return "black pictures" if float(made.max()) < BLACK < float(given.picture.max()) / 255 else None


def _grey(picture: RGB) -> NDArray[np.uint8]:
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY))
