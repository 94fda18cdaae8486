"""The words and limits of guides, which the settings, the plan, and everybody who reads what was asked for share."""

from typing import Literal

Treatment = Literal["adjust", "clip"]
GuideType = Literal["flow", "pose", "edge", "depth", "raw"]
Fit = Literal["crop", "pad"]
GUIDANCE = "guidance.json"
"""The file of a result that says what guides which frame."""
MOST_FRAMES, MOST_SIDE_PX, LEAST_SIDE_PX = 100_000, 4096, 32
