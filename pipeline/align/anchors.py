"""Anchors: frames of a foreground that people hold at frames of the background."""

import re
from collections.abc import Mapping
from itertools import pairwise

from utils.errors import SettingsError

ANCHOR = re.compile(r"(\d+):(\d+)")
REMEDY = "Write FG:BG, the number of a frame of the foreground and of one of the background: 12:40, 30:61."


def read_anchors(text: str) -> dict[int, int]:
    """The frame of the background for each frame of the foreground that is held; time runs forward through them."""
    found: dict[int, int] = {}
    for part in text.replace(",", " ").split():
        match = ANCHOR.fullmatch(part)
        if match is None:
            raise SettingsError(f"match.anchors: {part!r:.40} is no anchor.", REMEDY)
        own, behind = map(int, match.groups())
        if found.get(own, behind) != behind:
            raise SettingsError(f"match.anchors: frame {own} is held at {found[own]} and at {behind}.", REMEDY)
        found[own] = behind
    return found


def check_anchors(anchors: Mapping[int, int], foreground: int, background: int, *, reorder: bool = False) -> None:
    """Refuse anchors at frames that clips of these lengths do not have, and those that contradict one another."""
    for own, behind in anchors.items():
        for frame, count, name in ((own, foreground, "foreground"), (behind, background, "background")):
            if frame >= count:
                problem = f"match.anchors: {own}:{behind} is beyond the {name}, which has {count} frames."
                raise SettingsError(problem, f"The last one is {count - 1}.")
    for (own, behind), (later, there) in pairwise(sorted(anchors.items())):
        if there < behind and not reorder:
            problem = f"match.anchors: {own}:{behind} and {later}:{there} let time run backwards."
            raise SettingsError(problem, "Correct one of them, or add --allow-reorder (match.order: any).")
