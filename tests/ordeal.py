"""An ordeal for jobs: short clips in line, and kills at random moments, of the worker and of what keeps it in turn."""

import random
import signal
import time
from collections import Counter
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path

from pipeline.jobs.job import WorkerSign
from pipeline.jobs.results import Results
from pipeline.library import inputs
from pipeline.report.journey import Journey
from pipeline.result.names import CLIP
from tests.journeys import QUICK, bench, journey, pictures
from tests.workers import House
from utils.digest import digest_bytes
from utils.home import cache_folder
from utils.media.clip import Clip
from utils.store import Store

LOOKS = ("ink", "clay", "noir", "paint", "cel", "golden")
LONGEST_S = 1.5
"""After a job was taken, a kill comes within this time."""
MOST_CRASHES = 2
"""A job that died so often in a row at one place is let go on: the third time would rightly end it."""


@dataclass
class Ordeal:
    """What was submitted, and how often something was killed meanwhile."""

    home: House
    clips: list[Path]
    seed: int = 0
    jobs: list[str] = field(default_factory=list)
    killed: Counter[str] = field(default_factory=Counter)

    @property
    def kills(self) -> int:
        """Of whatever kind."""
        return self.killed.total()

    def run(self, deaths: int) -> None:
        """Until there were so many deaths and every job has ended."""
        chance, kinds = random.Random(self.seed), cycle(("worker", "supervisor"))
        combinations = cycle([(clip, look) for look in LOOKS for clip in self.clips])
        while self.kills < deaths:
            if not [job for job in self.home.ledger.all() if not job.state.ended]:
                clip, look = next(combinations)
                self.jobs.append(self.home.submit(clip, generate__look=look, generate__seed=len(self.jobs), **QUICK))
            sign = self.home.until(self._at_work, "worker at work, or end of all jobs")
            time.sleep(chance.uniform(0, LONGEST_S))
            if isinstance(sign, WorkerSign) and self.home.ledger.get(sign.job).crashes < MOST_CRASHES:
                self._kill(next(kinds))
        for each in self.jobs:
            self.home.ended(each)

    def _at_work(self) -> WorkerSign | bool:
        """The living worker that has a job in hand; or whether there is none because all have ended."""
        working = next((sign for sign in self.home.living() if sign.job), None)
        return working or all(job.state.ended for job in self.home.ledger.all())

    def _kill(self, kind: str) -> None:
        if kind == "supervisor":
            supervisor = self.home.supervisors.pop()
            supervisor.send_signal(signal.SIGKILL)
            supervisor.wait()
            self.home.open()
        else:
            signs = self.home.living()
            if not signs:
                return
            self.home.kill(signs[0])
        self.killed[kind] += 1

    def undisturbed(self, job: str, cache: Path) -> Journey:
        """What the same job gives in a cache of its own, with nobody disturbing it."""
        order = self.home.ledger.get(job).order
        said = {name.replace(".", "__"): value for name, value in order.settings.items()}
        clip = inputs.find(self.home.home, order.inputs["clip"], "clip")
        return journey(clip, bench(cache, order.preset, **said))

    def wrong(self) -> list[str]:
        """What is not as it should be after all of it: cache entries that are damaged, results that are half there."""
        store = Store(cache_folder(self.home.home))
        damaged = [verdict.problem for verdict in store.verify() if verdict.problem]
        folder = Results.of(self.home.home).folder
        stray = [each.name for each in folder.iterdir() if each.name not in self.jobs or not (each / CLIP).is_file()]
        return damaged + stray


def shown(clip: Clip) -> str:
    """The digest of every pixel of a clip."""
    return digest_bytes(b"".join(digest_bytes(picture.tobytes()).encode() for picture in pictures(clip)))
