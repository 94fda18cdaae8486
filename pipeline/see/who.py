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
    """The rule or the point; a point that the clip does not have is refused. A given matte goes before a rule."""
    rule = settings["analysis.subject"]
    if rule != "pointed" and shown:
        return Pointed(shown.x_px, shown.y_px, shown.index, required=False)
    if rule != "pointed":
        return "central" if rule == "central" else "largest"
    x_px, y_px, index = (settings[name] for name in SUBJECT_SETTINGS[1:])
    if index >= len(clip):
        raise ClipError(
            f"This clip has no frame {index}: its last one is {len(clip) - 1}.", "Point into another frame."
        )
    if x_px >= clip.size.width_px or y_px >= clip.size.height_px:
        size = f"{clip.size.width_px}x{clip.size.height_px}"
        raise ClipError(f"The point {x_px:g},{y_px:g} lies outside of the picture, which is {size}.", "Point into it.")
    return Pointed(x_px, y_px, index)
