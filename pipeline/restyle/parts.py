"""The finished windows of a restyle job, as parts that people can watch while the rest is being made."""

from dataclasses import dataclass

from pipeline.compose.steady_window import SteadyWindow
from pipeline.kind import PartPreview, ShowPart
from pipeline.plan.stable_picture import StablePicture
from pipeline.preview.window_clips import WindowClips


@dataclass
class WindowParts:
    """Passes each finished window of one run on as a part."""

    show: ShowPart
    _clips: WindowClips | None = None

    def on_window(self, stable: StablePicture, window: SteadyWindow, restyled: str) -> None:
        """The callback for `processor.restyle`."""
        clips = self._clips = self._clips or WindowClips(stable)
        plan = window.plan
        self.show(
            PartPreview(
                index=plan.index,
                name=plan.segment,
                span=plan.span,
                digest=window.digest,
                cached=window.entry.hit,
                write=lambda path, cancel: clips.write(path, window, restyled, cancel),
            )
        )
