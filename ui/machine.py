"""What the machine under the app is like right now: memory, disk, load, graphics cards, and the process that works."""

import logging
import os
import re
import shutil
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from pipeline.doctor.graphics import read_gpus
from pipeline.doctor.machine import cores
from pipeline.doctor.surroundings import Surroundings
from pipeline.jobs.job import WorkerSign

log = logging.getLogger(__name__)

Fact = TypeVar("Fact")
PATIENCE_S = 1.0
"""How long somebody who asks waits for a fresh fact before the last one must do."""
SMI_LIMIT_S = 8.0
MIB = 1 << 20
ALIVE_S = 15.0


class CachedFact(Generic[Fact]):
    """A fact that may be slow to find out: looked up in a thread, one at a time, and kept for a while.

    What takes long to find out is kept longer, so that looking never takes more than a fifth of the time.
    """

    def __init__(self, keep_s: float, look: Callable[[], Fact]) -> None:
        self._keep_s, self._look = keep_s, look
        self._lock = threading.Lock()
        self._fact: Fact | None = None
        self._stale_at = self._until = 0.0
        self._thread: threading.Thread | None = None

    def now(self) -> Fact | None:
        """The fact; an older one when looking takes long, None when there was none yet."""
        with self._lock:
            if self._thread is None and time.monotonic() >= self._until:
                self._thread = threading.Thread(target=self._work, name="look", daemon=True)
                self._thread.start()
            thread = self._thread
        if thread:
            thread.join(PATIENCE_S)
        return self._fact

    def stale(self) -> None:
        """Whatever was found out so far does not hold any more, nor what is being found out."""
        with self._lock:
            self._stale_at, self._until = time.monotonic(), 0.0

    def _work(self) -> None:
        started = time.monotonic()
        try:
            self._fact = self._look()
        except Exception:  # whatever the source of one fact is like today, the page shows the others
            log.warning("A figure of the dashboard could not be found out.", exc_info=True)
        with self._lock:
            now = time.monotonic()
            holds = self._stale_at < started
            self._until, self._thread = now + max(self._keep_s, 4 * (now - started)) if holds else 0.0, None


@dataclass(frozen=True)
class Machine:
    """The machine that the app runs on, with its home."""

    home: Path
    proc: Path = Path("/proc")
    cgroup: Path = Path("/sys/fs/cgroup")

    def told(self) -> dict[str, Any]:
        """What is found out at once; bytes, and the load of the last minute."""
        disk = shutil.disk_usage(self.home)
        return {
            "cores": cores(Surroundings(self.home)).says,
            "load": round(os.getloadavg()[0], 2),
            "memory": self.memory(),
            "disk": {"used": disk.total - disk.free, "total": disk.total, "free": disk.free},
        }

    def memory(self) -> dict[str, int] | None:
        """In use and in all, as a container's limit allows; None where the system does not say."""
        found = dict(re.findall(r"^(\w+):\s+(\d+) kB", _text(self.proc / "meminfo"), re.MULTILINE))
        if not {"MemTotal", "MemAvailable"} <= found.keys():
            return None
        total, free = (int(found[name]) * 1024 for name in ("MemTotal", "MemAvailable"))
        limit, used = (_text(self.cgroup / f"memory.{name}").strip() for name in ("max", "current"))
        if limit.isdigit() and used.isdigit() and int(limit) < total:
            cached = re.search(r"^inactive_file (\d+)", _text(self.cgroup / "memory.stat"), re.MULTILINE)
            return {"used": max(0, int(used) - int(cached[1] if cached else 0)), "total": int(limit)}
        return {"used": total - free, "total": total}

    def worker(self, sign: WorkerSign) -> dict[str, Any]:
        """A worker by its sign of life; how long it is up and its memory only when it runs on this machine."""
        silent_s = max(0.0, time.time() - sign.beat_at)
        told = {"name": sign.name, "job": sign.job, "silent_s": round(silent_s, 1), "alive": silent_s < ALIVE_S}
        return {**told, **(self._process(sign) or {"up_s": None, "bytes": None})}

    def _process(self, sign: WorkerSign) -> dict[str, Any] | None:
        folder = self.proc / str(sign.pid)
        command = _text(folder / "cmdline").split("\0")
        if "pipeline.jobs.worker" not in command or sign.name not in command:
            return None
        started = _text(folder / "stat").rpartition(")")[2].split()
        pages = _text(folder / "statm").split()
        up = _text(self.proc / "uptime").split()
        if len(started) < 20 or len(pages) < 2 or not up:
            return None
        up_s = float(up[0]) - int(started[19]) / os.sysconf("SC_CLK_TCK")
        return {"up_s": round(max(0.0, up_s), 1), "bytes": int(pages[1]) * os.sysconf("SC_PAGE_SIZE")}


def graphics(home: Path) -> list[dict[str, Any]]:
    """The cards that nvidia-smi tells of, in a child with a time limit; none where there is none."""
    cards, _ = read_gpus(Surroundings(home, limit_s=SMI_LIMIT_S))
    return [
        {"name": card.name, "used": (card.total_mib - card.free_mib) * MIB, "total": card.total_mib * MIB}
        if card.free_mib is not None and card.total_mib is not None
        else {"name": card.name, "used": None, "total": None}
        for card in cards
    ]


def room(home: Path) -> list[dict[str, Any]]:
    """What each folder of the home takes, bytes, the largest first; what lies loose counts as `other`."""
    folders = {each.name: _bytes(Path(each.path)) for each in os.scandir(home) if each.is_dir(follow_symlinks=False)}
    loose = sum(each.stat(follow_symlinks=False).st_size for each in os.scandir(home) if each.is_file())
    sizes = {**folders, **({"other": loose} if loose else {})}
    return [{"name": name, "bytes": sizes[name]} for name in sorted(sizes, key=lambda name: (-sizes[name], name))]


def _bytes(folder: Path) -> int:
    """Of all files below; what vanishes meanwhile counts nothing."""
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(os.path.join(place, name)).st_size  # noqa: PTH118
            except OSError:
                continue
    return total


def _text(path: Path) -> str:
    """A file of the kernel's, or nothing where there is none."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
