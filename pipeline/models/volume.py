"""How large a pod's volume should be: room for work, and for the weights that are to lie on it."""

from collections.abc import Iterable
from math import ceil

from pipeline.models.family import Checkpoint

WORK_GB = 50
"""For cache, uploads and results: the most that the cache takes before it removes what was used longest ago."""
SPARE = 1.1
STEP_GB = 10


def volume_gb(checkpoints: Iterable[Checkpoint]) -> int:
    """The size of a volume for these weights in GB, in steps of ten."""
    weights_gb = sum(checkpoint.about_gb for checkpoint in checkpoints)
    return STEP_GB * ceil((WORK_GB + SPARE * weights_gb) / STEP_GB)
