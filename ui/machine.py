"""The current state of the machine: memory, disk, load, graphics cards, and the worker process."""

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
WAIT_S = 1.0
"""How long a caller waits for a fresh value before it gets the last one."""
SMI_LIMIT_S = 8.0
MIB = 1 << 20
ALIVE_S = 15.0


class CachedFact(Generic[Fact]):
    """A value that is slow to compute: computed in a thread, once at a time, and cached for a while.

    The longer it takes to compute, the longer it is cached, so that computing takes at most a fifth of the time.
    """

    def __init__(self, keep_s: float, look: Callable[[], Fact]) -> None:
        self._keep_s, self._look = keep_s, look
        self._lock = threading.Lock()
        self._fact: Fact | None = None
        self._stale_at = self._until = 0.0
        self._thread: threading.Thread | None = None

    def now(self) -> Fact | None:
        """The value; an older one if computing takes long, None if there is none yet."""
        with self._lock:
            if self._thread is None and time.monotonic() >= self._until:
                self._thread = threading.Thread(target=self._work, name="look", daemon=True)
                self._thread.start()
            thread = self._thread
        if thread:
            thread.join(WAIT_S)
        return self._fact

    def stale(self) -> None:
        """Invalidate the cached value, and one that is being computed now."""
        with self._lock:
            self._stale_at, self._until = time.monotonic(), 0.0

    def _work(self) -> None:
        started = time.monotonic()
        try:
            self._fact = self._look()
        except Exception:  # if one value cannot be computed, the page still shows the others
            log.warning("A figure of the dashboard could not be found out.", exc_info=True)
        with self._lock:
            now = time.monotonic()
            is_valid = self._stale_at < started
            self._until, self._thread = now + max(self._keep_s, 4 * (now - started)) if is_valid else 0.0, None


@dataclass(frozen=True)
class Machine:
    """Reads the state of the machine that the app runs on."""

    home: Path
    proc: Path = Path("/proc")
    cgroup: Path = Path("/sys/fs/cgroup")

    def summary(self) -> dict[str, Any]:
        """What can be read at once: cores, load of the last minute, memory and disk in bytes."""
        disk = shutil.disk_usage(self.home)
        return {
            "cores": cores(Surroundings(self.home)).says,
            "load": round(os.getloadavg()[0], 2),
            "memory": self.memory(),
            "disk": {"used": disk.total - disk.free, "total": disk.total, "free": disk.free},
        }

    def memory(self) -> dict[str, int] | None:
        """Memory used and total in bytes, within the container's limit; None if the system does not tell."""
        meminfo = dict(re.findall(r"^(\w+):\s+(\d+) kB", _text(self.proc / "meminfo"), re.MULTILINE))
        if not {"MemTotal", "MemAvailable"} <= meminfo.keys():
            return None
        total, free = (int(meminfo[name]) * 1024 for name in ("MemTotal", "MemAvailable"))
        limit, used = (_text(self.cgroup / f"memory.{name}").strip() for name in ("max", "current"))
        if limit.isdigit() and used.isdigit() and int(limit) < total:
            cached = re.search(r"^inactive_file (\d+)", _text(self.cgroup / "memory.stat"), re.MULTILINE)
            return {"used": max(0, int(used) - int(cached[1] if cached else 0)), "total": int(limit)}
        return {"used": total - free, "total": total}

    def worker(self, sign: WorkerSign) -> dict[str, Any]:
        """A worker by its heartbeat, with uptime and memory if it runs on this machine."""
        silent_s = max(0.0, time.time() - sign.beat_at)
        facts = {"name": sign.name, "job": sign.job, "silent_s": round(silent_s, 1), "alive": silent_s < ALIVE_S}
        facts |= {"device": sign.device, "leaving": sign.is_leaving, "price": sign.price}
        facts |= {"used_s": round(sign.used_s, 1), "idle_s": round(sign.idle_s, 1)}
        return {**facts, **(self._process(sign) or {"up_s": None, "bytes": None})}

    def _process(self, sign: WorkerSign) -> dict[str, Any] | None:
        folder = self.proc / str(sign.pid)
        command = _text(folder / "cmdline").split("\0")
        if "pipeline.jobs.workers.worker" not in command or sign.name not in command:
            return None
        started = _text(folder / "stat").rpartition(")")[2].split()
        pages = _text(folder / "statm").split()
        up = _text(self.proc / "uptime").split()
        if len(started) < 20 or len(pages) < 2 or not up:
            return None
        up_s = float(up[0]) - int(started[19]) / os.sysconf("SC_CLK_TCK")
        return {"up_s": round(max(0.0, up_s), 1), "bytes": int(pages[1]) * os.sysconf("SC_PAGE_SIZE")}


def graphics(home: Path) -> list[dict[str, Any]]:
    """The graphics cards that nvidia-smi lists, run with a time limit; empty without nvidia-smi."""
    cards, _ = read_gpus(Surroundings(home, limit_s=SMI_LIMIT_S))
    return [
        {"name": card.name, "used": (card.total_mib - card.free_mib) * MIB, "total": card.total_mib * MIB}
        if card.free_mib is not None and card.total_mib is not None
        else {"name": card.name, "used": None, "total": None}
        for card in cards
    ]


def room(home: Path) -> list[dict[str, Any]]:
    """Bytes of each folder of the home, the largest first; files outside of folders count as `other`."""
    entries = list(os.scandir(home))
    folders = {entry.name: _bytes(Path(entry.path)) for entry in entries if entry.is_dir(follow_symlinks=False)}
    loose = sum(entry.stat(follow_symlinks=False).st_size for entry in entries if entry.is_file())
    sizes = {**folders, **({"other": loose} if loose else {})}
    return [{"name": name, "bytes": sizes[name]} for name in sorted(sizes, key=lambda name: (-sizes[name], name))]


def _bytes(folder: Path) -> int:
    """Total size of all files in a folder tree; files that vanish meanwhile count as nothing."""
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(os.path.join(parent, name)).st_size  # noqa: PTH118
            except OSError:
                continue
    return total


def _text(path: Path) -> str:
    """The text of a file of /proc or /sys; empty if it cannot be read."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
