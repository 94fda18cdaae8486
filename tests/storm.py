"""A storm over jobs: workers on machines of their own are killed, frozen and cut off from the database at random.

Every machine has a home, a cable to the database and a user of it, so that the database itself keeps who changed what.
The embedded engine makes short windows, sleeps in between, and writes down which one it begins and which it offers.
"""

import json
import os
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from itertools import cycle
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from pipeline.engines import restyle
from pipeline.engines.base import Engine, Lengths
from pipeline.jobs.job import Job, WorkerSign
from pipeline.jobs.line import WINDOW as WORKFLOW
from pipeline.jobs.tables import window_starts
from pipeline.jobs.workers.worker import TEND_S
from pipeline.report.journey import Journey
from tests.buckets import environment
from tests.cables import Cable, Cut
from tests.journeys import QUICK, bench, journey
from tests.ordeal import LOOKS, MOST_CRASHES
from tests.storm_judgement import Change, Hit, Judgement
from tests.workers import House, house
from utils.project import PROJECT_ROOT

WINDOW = 12
SILENT_S = 8.0
"""The storm's workers count as silent earlier than real ones do."""
CUT_S = (1.0, 5.0)
LATE_S = 1.5
"""How much later than a worker its supervisor wakes up."""
MOST_AT_ONCE = 3
SLOWLY = """
import sys
if "pipeline.jobs.workers.worker" in sys.orig_argv:
    import json, os, time
    from dataclasses import replace
    from pipeline.engines import restyle
    from pipeline.engines.base import Lengths
    from pipeline.jobs.workers import worker_ledger
    from pipeline.make import made_window
    from utils.store.shared.tier import SharedTier

    worker_ledger.SILENT_S = {silent_s}
    def write_down(what, window):
        line = json.dumps(dict(what=what, window=window, worker=os.environ["STORM_MACHINE"], at=time.time()))
        with open({log!r}, "a") as file:
            file.write(line + chr(10))

    making = made_window._Making.run
    def make(self, device):
        write_down("made", self._work.folder.name[:16])
        return making(self, device)
    made_window._Making.run = make

    putting = SharedTier.put
    def put(self, folder, manifest, cancel):
        if manifest.key.stage.startswith("make with"):
            write_down("offered", manifest.key.digest[:16])
        return putting(self, folder, manifest, cancel)
    SharedTier.put = put

    def slowly(frames):
        for frame in frames:
            yield frame
            time.sleep({frame_s})

    class Slow(restyle.Restyle):
        caps = replace(restyle.Restyle.caps, lengths=Lengths({window}, {window}))

        def open(self, settings, device, tell):
            session = super().open(settings, device, tell)
            run = session.run

            def slow(window, cancel, progress):
                output = run(window, cancel, progress)
                return replace(output, frames=slowly(output.frames))

            session.run = slow
            return session

    restyle.ENGINE = Slow()
elif "worker" in sys.argv[:3] or "worker" in sys.orig_argv[:5]:
    from pipeline.jobs.workers import supervisor, worker_ledger
    worker_ledger.SILENT_S = {silent_s}
"""
"""Every Python runs `sitecustomize` when it starts."""
WATCHED = {
    "reshoot_workers": "public",
    "reshoot_window_starts": "public", "workflow_status": "dbos", "workflow_output": "dbos",
    "operation_outputs": "dbos",
}  # fmt: skip
KEEPING = """
CREATE TABLE storm_changes (
    id bigserial PRIMARY KEY, at double precision, who text, what text, place text, before json, after json,
    change xid8 DEFAULT pg_current_xact_id()
);
CREATE FUNCTION storm_keep() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO public.storm_changes (at, who, what, place, before, after) VALUES (
        extract(epoch FROM clock_timestamp()), session_user, lower(TG_OP), TG_TABLE_NAME,
        CASE WHEN TG_OP = 'INSERT' THEN NULL ELSE row_to_json(OLD) END,
        CASE WHEN TG_OP = 'DELETE' THEN NULL ELSE row_to_json(NEW) END
    );
    RETURN NULL;
END $$;
"""


@dataclass
class Machine:
    """A home with its worker, and how it hurts."""

    name: str
    house: House
    cable: Cable
    hurting: threading.Thread | None = None
    killed: dict[str, int] = field(default_factory=dict)
    """At which attempt at a job it was last killed; until the next one, nobody has counted that death."""

    @property
    def is_well(self) -> bool:
        """Whether nothing is done to it."""
        return self.hurting is None or not self.hurting.is_alive()

    def sign(self) -> WorkerSign | None:
        """Its worker's, if that lives."""
        return next((sign for sign in self.house.living() if sign.name == self.name), None)

    def open(self) -> WorkerSign:
        """Start it, and wait until it works."""
        before = self.sign()
        self.house.open(self.name)
        found: WorkerSign = self.house.until(
            lambda: (now := self.sign()) and (before is None or now.pid != before.pid) and now, "worker"
        )
        return found

    def kill(self, chance: random.Random) -> None:
        """Kill everything that runs on it, and start it again."""
        self.end()
        self.open()

    def end(self) -> None:
        """Kill everything that runs on it."""
        supervisor, sign = self.house.supervisors.pop(), self.sign()
        supervisor.kill()
        supervisor.wait()
        if sign:
            if sign.job:
                self.killed[sign.job] = self.house.ledger.get(sign.job).attempts
            _send(signal.SIGKILL, sign)
            self.house.until(lambda: not self.sign(), "death")

    def freeze(self, chance: random.Random) -> None:
        """Stop it for longer than others wait for it; its supervisor wakes up last, and finds nothing wrong."""
        supervisor, sign = self.house.supervisors[-1], self.sign()
        supervisor.send_signal(signal.SIGSTOP)
        if sign:
            _send(signal.SIGSTOP, sign)
        time.sleep(SILENT_S + chance.uniform(1.0, TEND_S + 1.0))
        if sign:
            _send(signal.SIGCONT, sign)
        time.sleep(LATE_S)
        supervisor.send_signal(signal.SIGCONT)

    def cut(self, chance: random.Random) -> None:
        """Cut it off from the database for some seconds."""
        self.cable.cut(chance.choice([*Cut]))
        time.sleep(chance.uniform(*CUT_S))
        self.cable.mend()


def _send(number: int, sign: WorkerSign) -> None:
    with suppress(ProcessLookupError):
        os.killpg(sign.pid, number)


@dataclass
class Storm:
    """What was submitted to which machine, and what was done to them."""

    machines: list[Machine]
    log: Path
    chance: random.Random
    jobs: dict[str, Machine] = field(default_factory=dict)
    clips: dict[str, Path] = field(default_factory=dict)
    hits: list[Hit] = field(default_factory=list)
    tell: Callable[[str], None] = lambda line: None

    @property
    def ledger(self) -> Any:
        """The test's own way to the database, which nothing cuts."""
        return self.machines[0].house.ledger

    def job(self, job: str) -> Job:
        """A job as it is now."""
        return self.jobs[job].house.ledger.get(job)

    def open(self) -> None:
        """Start all machines at once."""
        starting = [threading.Thread(target=each.open) for each in self.machines]
        for each in starting:
            each.start()
        for each in starting:
            each.join()

    def close(self) -> None:
        """Kill everything."""
        for each in self.machines:
            while each.house.supervisors:
                each.end()

    def submit(self, clips: list[Path], count: int) -> None:
        """Jobs of other looks and seeds, in turn on all machines."""
        looks, where, films = cycle(LOOKS), cycle(self.machines), cycle(clips)
        for _ in range(count):
            machine, clip, seed = next(where), next(films), len(self.jobs)
            job = machine.house.submit(clip, generate__look=next(looks), generate__seed=seed, **QUICK)
            self.jobs[job], self.clips[job] = machine, clip

    def rage(self, count: int, clips: list[Path], jobs: int, rest_s: float) -> None:
        """Interrupt whoever works, at random moments, until it was done so often; then let everything end."""
        if not self.jobs:
            self.submit(clips, jobs)
        while len(self.hits) + self._hurting < count:
            time.sleep(self.chance.uniform(0, rest_s))
            if all(self.job(job).state.ended for job in self.jobs):
                self.submit(clips, jobs)
            free = [each for each in self.machines if each.is_well]
            if len(self.machines) - len(free) < MOST_AT_ONCE and (able := [m for m in free if self._may_be_hurt(m)]):
                self._hurt(self.chance.choice(able))
        for each in self.machines:
            if each.hurting:
                each.hurting.join()
        for job, machine in self.jobs.items():
            machine.house.ended(job)

    @property
    def _hurting(self) -> int:
        return sum(not each.is_well for each in self.machines)

    def _may_be_hurt(self, machine: Machine) -> bool:
        """Whether it has something in hand that was not interrupted too often: the third time would rightly end it."""
        sign = machine.sign()
        held = [id for id, kept in self.ledger.workflows.held(WORKFLOW).items() if kept.worker == machine.name]
        if sign is None or not (sign.job or held):
            return False
        job = machine.house.ledger.get(sign.job) if sign.job else None
        if job and (job.crashes >= MOST_CRASHES or machine.killed.get(job.id) == job.attempts):
            return False
        windows = [id.rpartition("-")[0] for id in held]
        often = sa.select(window_starts.c.times).where(window_starts.c.window.in_(windows))
        with self.ledger.engine.connect() as connection:
            return all(times < MOST_CRASHES for times in connection.execute(often).scalars())

    def _hurt(self, machine: Machine) -> None:
        kind, chance = self.chance.choice(("kill", "freeze", "cut")), random.Random(self.chance.random())
        how: Callable[[random.Random], None] = getattr(machine, kind)

        def hurt() -> None:
            began = time.time()
            how(chance)
            self.hits.append(Hit(machine.name, kind, began, time.time()))
            self.tell(f"{len(self.hits):4d}: {kind} {machine.name} for {time.time() - began:.1f} s")

        machine.hurting = threading.Thread(target=hurt, name=f"{kind} {machine.name}")
        machine.hurting.start()

    def quiet(self, job: str, cache: Path) -> Journey:
        """What the same job gives in one process that nobody disturbs."""
        order = self.job(job).order
        said = {name.replace(".", "__"): value for name, value in order.settings.items()}
        return journey(self.clips[job], bench(cache, order.preset, **said), short_windows())

    def judge(self) -> Judgement:
        """What came of it, from the database's own record and what the engine wrote down."""
        with self.ledger.engine.connect() as connection:
            query = sa.text("SELECT at, who, what, place, before, after, change::text FROM storm_changes ORDER BY id")
            changes = [Change(*row) for row in connection.execute(query)]
        lines = [json.loads(line) for line in self.log.read_text().splitlines()] if self.log.exists() else []
        return Judgement(self.hits, changes, lines, SILENT_S)


def short_windows() -> Engine:
    """The embedded engine as it makes windows in a storm, at full speed."""

    class Short(restyle.Restyle):
        caps = replace(restyle.Restyle.caps, lengths=Lengths(WINDOW, WINDOW))

    return Short()


@contextmanager
def storm(
    folder: Path, url: str, endpoint: str, count: int, seed: int, frame_s: float, window: int = WINDOW
) -> Iterator[Storm]:
    """Machines beside an empty database and a bucket, not started yet."""
    log = folder / "engine.jsonl"
    (folder / "slowly").mkdir()
    values = {"log": str(log), "frame_s": frame_s, "window": window, "silent_s": SILENT_S}
    (folder / "slowly" / "sitecustomize.py").write_text(SLOWLY.format(**values))
    env = {
        **environment(endpoint),
        "RESHOOT_SHARED": f"s3://tests/storm/{folder.name}",
        "RESHOOT_AHEAD_S": "0",
        "PYTHONPATH": os.pathsep.join((str(folder / "slowly"), str(PROJECT_ROOT))),
    }
    with ExitStack() as opened:
        machines = []
        for number in range(count):
            name = f"pod{number}"
            own = {"STORM_MACHINE": name, **env}
            made: House = opened.enter_context(house(folder / name, opened=False, database=url, **own))  # type: ignore[arg-type]
            machines.append(Machine(name, made, _cable(url, opened)))
        _keep_changes(machines[0].house, [each.name for each in machines])
        for each in machines:
            there = sa.make_url(url).set(username=each.name, host="127.0.0.1", port=each.cable.port, query={})
            each.house.reached = there.render_as_string(hide_password=False)
        made_storm = Storm(machines, log, random.Random(seed))
        opened.callback(made_storm.close)
        yield made_storm


def _cable(url: str, opened: ExitStack) -> Cable:
    parsed = sa.make_url(url)
    folder = parsed.host or str(parsed.query["host"])
    cable = Cable(f"{folder}/.s.PGSQL.{parsed.port or 5432}")
    opened.callback(cable.close)
    return cable


def _keep_changes(made: House, users: list[str]) -> None:
    """Let the database keep who changes what."""
    with made.ledger.engine.begin() as connection:
        connection.execute(sa.text(KEEPING))
        for user in users:
            known = connection.execute(sa.text("SELECT 1 FROM pg_roles WHERE rolname = :name"), {"name": user}).scalar()
            if not known:
                connection.execute(sa.text(f"CREATE ROLE {user} SUPERUSER LOGIN"))
        for table, schema in WATCHED.items():
            after = f"ON {schema}.{table} FOR EACH ROW"
            connection.execute(
                sa.text(f"CREATE TRIGGER storm_new AFTER INSERT OR DELETE {after} EXECUTE FUNCTION storm_keep()")
            )
            connection.execute(
                sa.text(
                    f"CREATE TRIGGER storm_set AFTER UPDATE {after}"
                    " WHEN (OLD::text IS DISTINCT FROM NEW::text) EXECUTE FUNCTION storm_keep()"
                )
            )
