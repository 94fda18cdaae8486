"""What clips show at all: whether they are long enough, show anything, and move."""

import numpy as np

from utils.align.placing import Refusal
from utils.align.proxies import Proxies

LEAST_FRAMES, LOOKED_AT_FRAMES = 5, 12
"""The shortest clips; in how many frames it is looked what a clip shows."""
LEAST_CONTRAST, LEAST_CHANGE = 3.0, 1.0
"""Below this standard deviation of its luma a picture shows nothing, and below this mean difference nothing moves."""


def check_content(background: Proxies, foreground: Proxies) -> None:
    """Refuse clips of which nothing can be told, with what to do about it."""
    clips = ((background, "background"), (foreground, "foreground"))
    for clip, name in clips:
        if len(clip) < LEAST_FRAMES:
            count = "one frame, which shows" if len(clip) == 1 else f"{len(clip)} frames, which show"
            raise Refusal(f"The {name} has only {count} no motion.", f"Give at least {LEAST_FRAMES}.")
    for clip, name in clips:
        if max(float(picture.std()) for picture in _looked_at(clip)) < LEAST_CONTRAST:
            raise Refusal(f"The {name} shows nothing: it is one colour throughout.", "Check that it is the right file.")
    if not _moves(background) and _moves(foreground):
        problem = "Nothing moves in the background: all of its frames are one picture, which tells no time."
        raise Refusal(problem, "Give the moving clip that the foreground was made of.")


def _looked_at(clip: Proxies) -> list[np.ndarray[tuple[int, ...], np.dtype[np.uint8]]]:
    few = np.linspace(0, len(clip) - 1, min(LOOKED_AT_FRAMES, len(clip))).round().astype(int)
    return [clip.luma[int(index)] for index in few]


def _moves(clip: Proxies) -> bool:
    first, *others = (picture.astype(np.int16) for picture in _looked_at(clip))
    return any(float(np.abs(other - first).mean()) > LEAST_CHANGE for other in others)
