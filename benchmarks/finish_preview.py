"""How long people who edit a film wait for a moment of it, from the request to the picture, through a real app.

python -m benchmarks.finish_preview CLIP
Moments all over the film, of the same plan and of one that changes each time, before the clip was looked into and after
it: the job makes a copy in which any frame is found quickly. Beside it: the time in which the server answers at all.
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.studios import App

TIMES = 25


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clip", type=Path)
    path = parser.parse_args().clip
    with tempfile.TemporaryDirectory() as folder:
        app = App(Path(folder)).open()
        try:
            clip = app.upload(path)
            app.until(lambda: app.ask(f"/studio/clips/{clip}")["state"] == "ready", "inspection")
            seconds = app.ask(f"/studio/clips/{clip}")["facts"]["seconds"]
            _print("the server alone", [_timed(app, "/readyz") for _ in range(TIMES)])
            _both(app, clip, seconds, "of the clip")
            _look_into(app, clip)
            _both(app, clip, seconds, "of the copy")
        finally:
            app.close()


def _both(app: App, clip: str, seconds: float, of: str) -> None:
    plans = list(_plans(seconds))
    _look(app, clip, plans[0], 0.5)
    _print(f"the same plan, {of}", [_look(app, clip, plans[0], _at(number)) for number in range(TIMES)])
    _print(f"an edited plan, {of}", [_look(app, clip, plan, _at(number)) for number, plan in enumerate(plans)])


def _at(number: int) -> float:
    return number * 0.37 % 1


def _plans(seconds: float) -> Iterator[dict[str, Any]]:
    """Plans with a zoom, a subtitle a second, and a cut in each four seconds, of which one is another each time."""
    starts = [at * 4.0 for at in range(int(seconds / 4))]
    cues = "\n\n".join(
        f"{number + 1}\n{_clock(number)},000 --> {_clock(number)},900\nThis is line {number}"
        for number in range(int(seconds))
    )
    for number in range(TIMES):
        cut = [{"from_s": at, "to_s": at + 0.5 + (0.04 * number if at == starts[0] else 0)} for at in starts]
        yield {"cut": cut, "zoom": {"most": 1.06}, "subtitles": {"cues": cues}}


def _clock(seconds: int) -> str:
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"


def _look(app: App, clip: str, plan: dict[str, Any], at: float) -> float:
    """Seconds from the request to the picture."""
    start = time.perf_counter()
    asked = {"kind": "finish", "settings": {"film.plan": json.dumps(plan)}, "at": at}
    app.answer(app.ask(f"/studio/clips/{clip}/look", asked)["after"])
    return time.perf_counter() - start


def _timed(app: App, path: str) -> float:
    start = time.perf_counter()
    app.answer(path)
    return time.perf_counter() - start


def _look_into(app: App, clip: str) -> None:
    [job] = app.ask("/studio/jobs", {"kind": "analyse", "clips": [clip]})["jobs"]
    while app.ask(f"/studio/jobs/{job}")["state"] not in ("done", "failed"):
        time.sleep(0.2)


def _print(what: str, seconds: list[float]) -> None:
    ordered = sorted(round(1000 * each) for each in seconds)
    worst = ordered[int(0.9 * len(ordered))]
    print(
        f"{what:32} median {round(1000 * statistics.median(seconds)):5} ms, 90 % {worst:5} ms, least {ordered[0]:5} ms"
    )


if __name__ == "__main__":
    main()
