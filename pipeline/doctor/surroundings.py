"""The outside world of the doctor, paths, packages, programs and /proc, in one value that tests can replace."""

import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

from pipeline.doctor.probes import MARK
from pipeline.doctor.versions import plain_name
from utils.guarded_child import environment
from utils.project import PROJECT_ROOT

PIP = f"{shlex.quote(sys.executable)} -m pip"
"""The pip of the interpreter that runs now, for remedies that can be pasted."""


@dataclass(frozen=True)
class Answer:
    """The outcome of a child process: its exit code (None: it did not end in time) and its output."""

    code: int | None
    out: str
    err: str

    @property
    def result(self) -> dict[str, Any]:
        """The JSON that a probe printed; empty when it failed."""
        lines = [line for line in self.out.splitlines() if line.startswith(MARK)]
        values: dict[str, Any] = json.loads(lines[-1].removeprefix(MARK)) if self.code == 0 and lines else {}
        return values

    @property
    def reason(self) -> str:
        """Why it failed: the last line that it wrote, a signal, or the time limit."""
        if self.code is None:
            return "it did not answer in time"
        if self.code < 0:
            return f"it crashed (signal {-self.code})"
        lines = [line.strip() for line in f"{self.out}\n{self.err}".splitlines() if line.strip()]
        return lines[-1][:300].rstrip(".") if lines else f"it ended with code {self.code} and said nothing"


@dataclass(frozen=True)
class Surroundings:
    """Where to look: the home folder, the port, the search paths of programs and of packages."""

    home: Path
    port: int = 7860
    path: str = field(default_factory=lambda: os.environ.get("PATH", os.defpath))
    packages: tuple[str, ...] = ()
    """Folders that are searched for packages before the interpreter's own."""
    requirements: Path = PROJECT_ROOT / "requirements-core.txt"
    models: Path = PROJECT_ROOT / "requirements.txt"
    """What engines with models need on top."""
    python: tuple[int, int] = sys.version_info[:2]
    proc: Path = Path("/proc")
    cgroup: Path = Path("/sys/fs/cgroup")
    limit_s: float = 60.0
    """How long a child process may take before it counts as hanging."""

    def reinstall(self, *packages: str) -> str:
        """The command that installs packages again without leaving the ranges of the core."""
        ranges = f" -c {shlex.quote(str(self.requirements))}" if self.requirements.is_file() else ""
        return f"{PIP} install --force-reinstall {shlex.join(packages)}{ranges}"

    def program(self, name: str) -> str | None:
        """The full path of a program; None where it is not installed."""
        return shutil.which(name, path=self.path)

    @property
    def search_path(self) -> list[str]:
        """The folders in which packages are looked for, in their order."""
        return [*self.packages, *sys.path]

    def installed(self) -> list[tuple[str, str]]:
        """Name and version of every installed package, in search order; half-removed ones are left out."""
        packages = (package.metadata for package in distributions(path=self.search_path))
        whole = (data for data in packages if "Name" in data and "Version" in data)
        return [(plain_name(data["Name"]), data["Version"]) for data in whole if data["Name"] and data["Version"]]

    def versions(self) -> dict[str, str]:
        """The version of each installed package; the first of a name is the one that imports."""
        return dict(reversed(self.installed()))

    def wanted_by(self, package: str) -> str:
        """What an installed package asks for, one requirement a line; empty where it is not installed."""
        found = next(iter(distributions(name=package, path=self.search_path)), None)
        return "\n".join(found.requires or ()) if found else ""

    def ask(self, command: Sequence[str]) -> Answer:
        """Run a program to its end or the time limit; a crash or a hang is an answer, not an exception."""
        try:
            child = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=self._environment(),
                encoding="utf-8",
                errors="replace",
            )
        except OSError as error:
            return Answer(127, "", f"{command[0]}: {error.strerror}")
        try:
            out, err = child.communicate(timeout=self.limit_s)
            return Answer(child.returncode, out, err)
        except subprocess.TimeoutExpired:
            _abandon(child)
            return Answer(None, "", "")

    def ask_python(self, probe: str) -> Answer:
        """Run one probe of `probes.py` in an interpreter of its own, where a broken package does no harm."""
        return self.ask([sys.executable, "-P", str(Path(__file__).with_name("probes.py")), probe])

    def _environment(self) -> dict[str, str]:
        inherited = os.environ.get("PYTHONPATH", "")
        paths = [*self.packages, *filter(None, [inherited])]
        quiet = {"GLOG_minloglevel": "3", "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONWARNINGS": "ignore"}
        return {**environment(), **quiet, "PATH": self.path, "PYTHONPATH": os.pathsep.join(paths)}


def _abandon(child: subprocess.Popen[str]) -> None:
    """Kill a hanging child; one that the kernel holds (a GPU off the bus) is left behind, not waited for."""
    child.kill()
    for pipe in (child.stdout, child.stderr):
        if pipe is not None:
            pipe.close()
    with suppress(subprocess.TimeoutExpired):
        child.wait(timeout=1)
