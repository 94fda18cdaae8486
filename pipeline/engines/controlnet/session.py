"""A session of ControlNet: makes the frames of a window in rounds, in calls that fit into memory."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from pipeline.engines.base import EngineFrame, Output, Tell, Window
from pipeline.engines.controlnet.defaults import MOST_ENLARGED, Defaults
from pipeline.engines.controlnet.opened import Opened, Request
from pipeline.engines.controlnet.order import Turn, rounds
from pipeline.engines.controlnet.sampling import taken
from pipeline.engines.controlnet.starts import Look, Starts
from pipeline.engines.diffusion.attempts import Attempt
from pipeline.engines.diffusion.pictures import Floats, faded, levels, part_mask, problem, resized, shown, working_size
from pipeline.engines.diffusion.session import DiffusionSession
from pipeline.engines.diffusion.work import Work
from utils.image import RGB, Size
from utils.progress import Cancel


class ControlnetSession(DiffusionSession[Opened, Defaults]):
    """Makes windows with an opened model."""

    def preview(self, window: Window, index: int) -> RGB:
        """One frame by itself, made as keys are."""
        work = Work.single(window, index)
        (rgb,) = self._made(work)
        return shown(work.views[0], rgb, part_mask(work.views[0].matte, window.settings["generate.apply_to"]))

    def frames(self, window: Window, cancel: Cancel, tell: Tell, output: Output) -> Iterator[EngineFrame]:
        """Made round by round."""
        work, part = Work.of(window, cancel, tell, output), window.settings["generate.apply_to"]
        for view, rgb in zip(work.views, self._made(work), strict=True):
            alpha = faded(part_mask(view.matte, part)) if part == "person" else None
            yield EngineFrame(resized(rgb, window.size), alpha)

    def _made(self, work: Work) -> list[RGB]:
        """All frames of a window, with the attempt that fits; without strength they are the source."""
        if not work.window.settings["generate.strength"]:
            return [view.rgb for view in work.views]
        return self.attempts.run(lambda attempt: self._attempted(work, attempt), work.output.fallbacks)

    def _attempted(self, work: Work, attempt: Attempt) -> list[RGB]:
        """The frames of a window, round by round."""
        asked = self._request(work)
        self.model.prepare(asked)
        work.say_if_cut(self.model, asked.prompt)
        self.model.place(attempt.offload, tiled=attempt.tiled)
        carry = work.window.carry
        before = (carry.frames[0], carry.valid[0]) if carry and carry.frames else None
        starts = Starts(work.views, self._look(work.window, attempt.scale), before)
        for turns in rounds(len(work.views)):
            left = [turn for turn in turns if turn.index not in starts.finished]
            for first in range(0, len(left), attempt.frames):
                self._make(left[first : first + attempt.frames], starts, asked, work)
        return [starts.finished[number] for number in range(len(work.views))]

    def _make(self, turns: Sequence[Turn], starts: Starts, asked: Request, work: Work) -> None:
        """Make some frames at once."""
        given = [starts.of(turn) for turn in turns]
        sources = [starts.source(turn.index) for turn in turns]
        done, total = len(starts.finished), len(work.views)

        def step(number: int, steps: int) -> None:
            work.cancel.check()
            work.tell((done + len(turns) * number / steps) / total, f"step {number} of {steps}, {len(turns)} at once")

        about = self.call(asked, Size.of(sources[0]), len(turns))
        steps = taken((each.strength for each in given), asked.steps)
        made = work.called(
            self.model,
            replace(about, passes=steps * len(asked.texts)),
            lambda: self.model.frames(given, asked, step),
            lambda result: _wrong(result, sources),
        )
        for turn, frame in zip(turns, made, strict=True):
            starts.finished[turn.index] = levels(frame)

    def _look(self, window: Window, scale: float) -> Look:
        settings = window.settings
        name = settings["generate.control"]
        size = working_size(window.size, self.defaults.area_px, self.model.cell_px, scale, MOST_ENLARGED)
        return Look(
            size=size,
            cell_px=self.model.cell_px,
            part=settings["generate.apply_to"],
            strength=settings["generate.strength"],
            control=window.controls[name] if name != "none" else None,
            seed=settings["generate.seed"],
        )

    def _request(self, work: Work) -> Request:
        settings, strength = work.window.settings, work.window.settings["generate.reference_strength"]
        return Request.of(
            settings,
            self.defaults,
            control=settings["generate.control"],
            control_strength=settings["generate.control_strength"],
            references=work.window.style.references if strength else (),
            reference_strength=strength,
        )


def _wrong(made: Floats, sources: Sequence[RGB]) -> str | None:
    """What is wrong with any of these frames."""
    found = (problem(frame, [source]) for frame, source in zip(made, sources, strict=True))
    return next((each for each in found if each), None)
