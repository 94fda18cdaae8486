"""Latents that go from one call to the next, so that the frames that both share are not decoded and encoded in between.

Wan's encoder is causal: the first latent of a call stands for one frame, every other one for four. So the first frame
is always encoded again, and the latents after it are passed on where they stand for the same frames in both calls.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.engines.base import View
from pipeline.engines.diffusion.wan import GROUP

Latents = NDArray[np.float32]
KEPT = 4
"""Latents that are passed on at most: those of the 17 frames that a window can continue from, but the first."""


@dataclass(frozen=True)
class Carried:
    """The last latents of a call, channels x latents x height x width, as the model made them."""

    latents: Latents
    stop: int
    """The frame of the clip after the last one that they stand for."""
    place: tuple[int, ...]
    """The crop that they show: its corner and its size."""

    @classmethod
    def of(cls, latents: Latents, views: tuple[View, ...]) -> "Carried":
        """The end of the latents of these views."""
        return cls(latents[:, 1:][:, -KEPT:], views[-1].index + 1, place_of(views[-1]))

    @classmethod
    def from_state(cls, state: Mapping[str, NDArray[Any]]) -> "Carried | None":
        """Those that the window before left; None if it left none."""
        if "latents" not in state:
            return None
        stop, *place = state["place"].tolist()
        return cls(state["latents"], stop, tuple(place))

    def state(self) -> dict[str, NDArray[Any]]:
        """What a later window gets of them."""
        return {"latents": self.latents, "place": np.array([self.stop, *self.place])}

    def lead(self, views: tuple[View, ...], frames: int, shape: tuple[int, int]) -> Latents | None:
        """The latents after the first one of a call that continues from so many frames; None if these do not fit it.

        They fit if they show the same crop at the same size, and if groups of frames begin at the same frames.
        """
        shared, last = (frames - 1) // GROUP, self.stop - views[0].index - 1
        first = self.latents.shape[1] - last // GROUP
        fits = self.place == place_of(views[0]) and self.latents.shape[2:] == shape and last % GROUP == 0
        return self.latents[:, first : first + shared] if fits and shared and 0 <= first <= KEPT - shared else None


def place_of(view: View) -> tuple[int, ...]:
    """The corner and the size of a view's crop."""
    return (*view.corner, *view.size)
