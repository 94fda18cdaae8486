"""Who the subject is, as the settings say it: by a rule, or by a point of one frame."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from utils.digest import canonical_json, digest_bytes
from utils.errors import ClipError
from utils.media.clip import Clip
from utils.people.subject import Pointed, Rule

SUBJECT_SETTINGS = ("analysis.subject", "analysis.point_x", "analysis.point_y", "analysis.point_frame")


@dataclass(frozen=True)
class Shown:
    """A point of the subject that a given matte shows."""

    x_px: float
    y_px: float
    index: int

    @property
    def digest(self) -> str:
        return digest_bytes(canonical_json([self.x_px, self.y_px, self.index]))


def subject_rule(settings: Mapping[str, Any], clip: Clip, shown: Shown | None = None) -> Rule | Pointed:
    """The rule or the point, whose frame is counted in the whole clip; a point that is not there is refused.

    A given matte goes before a rule.
    """
    rule = settings["analysis.subject"]
    if rule != "pointed" and shown:
        return Pointed(shown.x_px, shown.y_px, shown.index, required=False)
    if rule != "pointed":
        return "central" if rule == "central" else "largest"
    x_px, y_px, index = (settings[name] for name in SUBJECT_SETTINGS[1:])
    if index >= len(clip.of_file):
        last = len(clip.of_file) - 1
        raise ClipError(f"This clip has no frame {index}: its last one is {last}.", "Point into another frame.")
    if index - clip.start not in clip.span:
        part = f"{clip.start} to {clip.start + len(clip) - 1}"
        raise ClipError(
            f"Frame {index} is not in the part that is used, frames {part}.", "Point into a frame of that part."
        )
    if x_px >= clip.size.width_px or y_px >= clip.size.height_px:
        size = f"{clip.size.width_px}x{clip.size.height_px}"
        raise ClipError(f"The point {x_px:g},{y_px:g} lies outside of the picture, which is {size}.", "Point into it.")
    return Pointed(x_px, y_px, index - clip.start)
