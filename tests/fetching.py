"""A machine that fetches models: its home, its cache, and the commands that people give it."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from pipeline.models.finding import Found, Missing, find
from pipeline.models.places import Places
from pipeline.models.registry import Registry
from tests.hub import Hub
from utils.project import PROJECT_ROOT

PATIENCE_S = 120.0


@dataclass
class Machine:
    """A home, a cache of the hub's tools, and the hub that they ask."""

    hub: Hub
    home: Path
    cache: Path

    def environment(self, **more: str) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "RESHOOT_"))}
        own = {"HF_ENDPOINT": self.hub.url, "HF_HOME": str(self.cache), "RESHOOT_HOME": str(self.home)}
        return {**kept, **own, **more}

    def start(self, *arguments: str, **more: str) -> "subprocess.Popen[str]":
        command = [sys.executable, "-m", "pipeline", "models", *arguments]
        pipe = subprocess.PIPE
        return subprocess.Popen(command, cwd=PROJECT_ROOT, env=self.environment(**more), stdin=subprocess.DEVNULL,
                                stdout=pipe, stderr=pipe, text=True)  # fmt: skip

    def run(self, *arguments: str, code: int = 0, **more: str) -> str:
        child = self.start(*arguments, **more)
        out, err = child.communicate(timeout=PATIENCE_S)
        assert child.returncode == code, out + err
        assert "Traceback" not in err
        return out + err

    def fetch(self, code: int = 0, **more: str) -> str:
        return self.run("fetch", "tiny", "--yes", code=code, **more)

    @property
    def places(self) -> Places:
        return Places(self.home, self.cache / "hub")

    @property
    def folder(self) -> Path:
        return self.cache / "hub" / "models--reshoot--tiny"

    def find(self) -> Found | Missing:
        return find(Registry.load(self.home).model("tiny"), self.places)

    def found(self) -> Found:
        found = self.find()
        assert isinstance(found, Found), found
        return found

    def check(self, commit: str) -> None:
        """Exactly the wanted files of a commit are here, as they are on the hub."""
        found, wanted = self.found(), self.hub.commits[commit]
        assert {path: (found.path / path).read_bytes() for path in found.files} == {
            path: content for path, content in wanted.items() if path not in ("README.md", "transformer/model.bin")
        }
        assert found.lock and found.lock.commit == commit
        assert not list(self.folder.rglob("*part"))
