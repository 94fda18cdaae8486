"""Synthetic footage with ground truth: a rendered person who walks up, holds and walks off.

    from utils.walker import Shot, walk

    for picture, truth in walk(Shot(size=(640, 360), frames=90)):
        ...

Names are imported on first use, because numba takes a moment to load.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from utils.walker.record import TruthFile as TruthFile
    from utils.walker.reels import Reels as Reels
    from utils.walker.reels import film as film
    from utils.walker.scene import Scene as Scene
    from utils.walker.scene import walk as walk
    from utils.walker.shot import Lens as Lens
    from utils.walker.shot import Shot as Shot
    from utils.walker.skeleton import NAMES as NAMES
    from utils.walker.truth import TrueFlow as TrueFlow
    from utils.walker.truth import Truth as Truth

_HOMES = {
    "Lens": "shot", "NAMES": "skeleton", "Reels": "reels", "Scene": "scene", "Shot": "shot", "TrueFlow": "truth",
    "Truth": "truth", "TruthFile": "record", "film": "reels", "walk": "scene",
}  # fmt: skip

__all__ = ["NAMES", "Lens", "Reels", "Scene", "Shot", "TrueFlow", "Truth", "TruthFile", "film", "walk"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
