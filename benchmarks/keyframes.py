"""How near carried key frames come to a restyle that is known: the walker in clothes of other colours.

python -m benchmarks.keyframes
PSNR inside the person, in the frames that are no keys, against keys that are carried from one side alone.
"""

import numpy as np

from tests.restyled_walk import Walk, from_one_side
from utils.keyframes.choosing import Rules
from utils.keyframes.stretch import Stretch
from utils.walker import Shot

SHOT = Shot(size=(480, 270), frames=90)
SPANS = {"approach": (0, 48), "exit": (42, 90)}
UNREACHED = (0.1, Rules.unreached, 1.0)


def main() -> None:
    """One line for each part of the walk and each limit on what no key shows."""
    for name, span in SPANS.items():
        walk = Walk(SHOT, span)
        for most in UNREACHED:
            stretch = Stretch(walk.greys, walk.mattes)
            keys = stretch.keys(Rules(unreached=most))
            both = walk.psnr_db(list(stretch.carried({key: walk.restyled[key] for key in keys})), keys)
            one = walk.psnr_db(from_one_side(walk, keys), keys)
            print(f"{name}, {most:4.0%} unreached: {len(keys):2} keys in {len(walk.source)} frames; {_said(both)};"
                  f" from one side {_said(one)}")  # fmt: skip


def _said(values: list[float]) -> str:
    return f"mean {np.mean(values):.1f} dB, worst {min(values):.1f} dB"


if __name__ == "__main__":
    main()
