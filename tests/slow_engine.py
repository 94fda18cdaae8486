"""A worker whose engine takes ten seconds to open, as one with a model does: `python -m tests.slow_engine ...`.

Takes what `pipeline.jobs.workers.worker` takes. Every opening is a line in `opened.txt` of the home.
"""

import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.engines import restyle
from pipeline.engines.base import Session, Tell
from pipeline.engines.device import Device
from pipeline.jobs.workers.worker import main

OPENING_S = 10.0
OPENED = "opened.txt"


class Slow(restyle.Restyle):
    """The embedded engine with weights that take long to load."""

    def models(self, settings: Mapping[str, Any]) -> Mapping[str, str]:
        return {"weights": "5" * 64}

    def open(self, settings: Mapping[str, Any], device: Device, tell: Tell) -> Session:
        with (Path(sys.argv[1]) / OPENED).open("a") as file:
            file.write("opened\n")
        for second in range(10):
            tell(second / 10, "loading weights")
            time.sleep(OPENING_S / 10)
        return super().open(settings, device, tell)


if __name__ == "__main__":
    restyle.ENGINE = Slow()
    main()
