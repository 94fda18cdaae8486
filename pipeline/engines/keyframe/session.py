"""A session of the engine `keyframe`: every window goes from one painted key frame to the next."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pipeline.engines.base import EngineError, EngineFrame, Output, Provenance, Tell, View, Window
from pipeline.engines.diffusion.pictures import over_source, part_mask
from pipeline.engines.keyframe.unshown import stretches
from utils.image import RGB
from utils.keyframes.between import Between
from utils.keyframes.proposals import Chosen
from utils.keyframes.synthesis import Flags, Seen
from utils.progress import Cancel

SEED = 0
"""Where patches are looked for first is by chance; what is found hardly depends on it, so people choose none."""
OFF_LEVELS = 16.0
"""A pixel is shown by no key where its best patches are farther off in the source than this, in levels of Lab."""


@dataclass
class KeyframeSession:
    """Makes windows; it holds nothing between them."""

    provenance: Provenance

    def preview(self, window: Window, index: int) -> RGB:
        """One frame of a window, made as `run` makes it."""
        work = _Work.of(window)
        frames = zip(work.views, work.frames(Cancel()), strict=True)
        return next(frame.rgb for view, (frame, _) in frames if view.index == index)

    def run(self, window: Window, cancel: Cancel, tell: Tell) -> Output:
        """All frames of a window."""
        fallbacks = list[str]()
        return Output(self._frames(_Work.of(window), cancel, tell, fallbacks), fallbacks)

    def _frames(self, work: "_Work", cancel: Cancel, tell: Tell, fallbacks: list[str]) -> Iterator[EngineFrame]:
        unshown = dict[int, float]()
        for number, (frame, share) in enumerate(work.frames(cancel), start=1):
            tell(number / len(work.views), "")
            unshown[work.views[number - 1].index] = share
            yield frame
        fallbacks.extend(each.sentence for each in stretches(unshown))

    def close(self) -> None:
        """Nothing is held."""


@dataclass(frozen=True)
class _Work:
    """A window that is made."""

    window: Window
    views: Sequence[View]

    @classmethod
    def of(cls, window: Window) -> "_Work":
        if not window.given:
            raise EngineError(
                f"No frame of {window.span.start} to {window.span.stop - 1} is painted.",
                "Paint one: `python -m pipeline keys` writes those that are best painted, and says how.",
            )
        return cls(window, list(window.views()))

    def frames(self, cancel: Cancel) -> Iterator[tuple[EngineFrame, float]]:
        """The frames, each with the share of what is painted that no key shows."""
        part = self.window.settings["generate.apply_to"]
        masks = [part_mask(view.matte, part) for view in self.views]
        pictures = {view.index: number for number, view in enumerate(self.views)}
        given = {pictures[index]: picture for index, picture in self.window.given.items() if index in pictures}
        seen = [Seen(view.rgb, view.matte) for view in self.views]
        between = Between(seen, [mask > 0 for mask in masks], given, SEED, cancel.check)
        for view, mask, made in zip(self.views, masks, between.made(), strict=True):
            yield over_source(view, made.picture, mask, part), _unshown(made, mask > 0)


def _unshown(made: Chosen, region: Flags) -> float:
    inside = made.off[region]
    return float((inside > OFF_LEVELS).mean()) if inside.size else 0.0
