"""python scripts/kept_torch.py: pins for pip of the torch that this Python has, with all that it brought for its card.

Prints nothing where there is no torch, or one that is too old for the engines and has to be replaced.
"""

import re
import sys
from importlib.metadata import distributions

OLDEST = (2, 8)
"""As in requirements.txt."""
ITS_OWN = ("torch", "triton", "nvidia-", "cuda-")
"""How the names begin of torch, its sister packages and its libraries."""


def main() -> None:
    """Write one `name==version` a line, sorted."""
    versions = {(each.metadata["Name"] or "").lower(): each.version for each in reversed(list(distributions()))}
    release = re.match(r"(\d+)\.(\d+)", versions.get("torch", ""))
    if release and (int(release[1]), int(release[2])) >= OLDEST:
        pins = (f"{name}=={version}\n" for name, version in sorted(versions.items()) if name.startswith(ITS_OWN))
        sys.stdout.writelines(pins)


if __name__ == "__main__":
    main()
