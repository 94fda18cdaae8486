"""The child process that works ahead on one clip, or on music, at the lowest priority; it tells of each step.

    python -m pipeline.jobs.workers.ahead_child
    # it is told {"home": ..., "most_bytes": ..., "file": ..., "settings": ...}
    # or, of music, {"home": ..., "most_bytes": ..., "music": ...}

It may be killed at any moment: the cache keeps what was finished, and nothing of the rest.
"""

import json
import logging
import os
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from utils.errors import ReshootError, StoreFull
from utils.guarded_child import go_with_parent, heard
from utils.process_resources import give_way_to_all


def work(
    home: Path, most_bytes: int, file: str = "", music: str = "", settings: Mapping[str, Any] | None = None
) -> None:
    """Find out what finishing will ask of a clip or of music, until that many bytes were added to the cache."""
    from pipeline.finish.known.ahead import context_ahead, find_ahead, listen_ahead
    from pipeline.see.open_clip import open_clip
    from utils.home import cache_folder, use_home
    from utils.store import Store

    use_home(home)
    store = Store(cache_folder(home), ahead=True)
    left_bytes = min(most_bytes, store.room_bytes())
    if left_bytes <= 0:
        return _say(end="full")
    context = context_ahead(store, settings or {})
    found = listen_ahead(Path(music), context) if music else find_ahead(open_clip(Path(file), context), context)
    for done in found:
        _say(**asdict(done))
        left_bytes -= 0 if done.hit else done.bytes
        if left_bytes <= 0:
            return _say(end="full")
    return _say(end="done")


def _say(**values: Any) -> None:
    sys.stdout.write(json.dumps(values) + "\n")
    sys.stdout.flush()


def main() -> None:
    """Entry point of the child."""
    logging.basicConfig(level=logging.ERROR)
    told = json.loads(heard())
    go_with_parent()
    give_way_to_all()
    try:
        work(Path(told.pop("home")), **told)
    except StoreFull:
        _say(end="full")
    except ReshootError as error:
        _say(end="failed", why=str(error))
    sys.stdout.flush()
    os._exit(0)  # libraries of models may take long to end


if __name__ == "__main__":
    main()
