"""Prompts: templates for people who do not know what to write, and the last ones that jobs were ordered with.

prompts/<digest>.txt     a prompt in a home; its mtime is when it was used last
"""

import logging
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from pipeline.animate.settings import CARRIED
from pipeline.engines import engine
from pipeline.settings import Settings
from utils.atomic_file import write_atomically
from utils.digest import digest_bytes, is_digest
from utils.errors import SettingsError

log = logging.getLogger(__name__)
TEMPLATES = Path(__file__).with_name("prompt_templates.yaml")
MOST = 20
"""How many of the last prompts are kept."""
MOST_BYTES = 16 * 1024


@dataclass(frozen=True)
class Template:
    """A prompt to begin with; the part in brackets is what people replace first."""

    kind: str
    title: str
    text: str


@dataclass(frozen=True)
class UsedPrompt:
    """A prompt that a job was ordered with."""

    digest: str
    text: str


@cache
def templates() -> tuple[Template, ...]:
    """All templates, those of a kind one after the other."""
    kinds = yaml.safe_load(TEMPLATES.read_text(encoding="utf-8"))
    return tuple(Template(kind, str(title), text) for kind, texts in kinds.items() for title, text in texts.items())


def prompt_of(settings: Mapping[str, Any]) -> str:
    """The prompt among the settings of an order; empty where the engine reads none."""
    usual = settings.get("generate.engine", Settings.field("generate.engine").default)
    name = str(settings.get("animate.engine", usual))
    if name == CARRIED:
        return ""
    return str(settings.get("generate.prompt", "")).strip() if "generate.prompt" in engine(name).settings else ""


class LastPrompts:
    """The last prompts of a home. Each is a file of its own, so that several processes may remember at once."""

    def __init__(self, home: Path) -> None:
        self._folder = home.absolute() / "prompts"

    def all(self) -> list[UsedPrompt]:
        """The last prompts, the newest first, without those whose file cannot be read."""
        found = []
        for path in self._newest()[:MOST]:
            with suppress(OSError, UnicodeDecodeError), path.open("rb") as file:
                found.append(UsedPrompt(path.stem, file.read(MOST_BYTES).decode()))
        return found

    def remember(self, prompt: str) -> None:
        """Keep a prompt as the newest one; the oldest one beyond the most goes. An empty one is not kept.

        Where nothing can be written the log says so: a job is worth more than the memory of its prompt.
        """
        if not prompt:
            return
        path = self._folder / f"{digest_bytes(prompt.encode())}.txt"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            write_atomically(path, prompt)
            for old in self._newest()[MOST:]:
                old.unlink(missing_ok=True)
        except OSError as error:
            log.warning("The prompt is not among the last ones: %s.", error)

    def forget(self, digest: str) -> None:
        """Forget one prompt; jobs that were ordered with it keep it."""
        path = self._folder / f"{digest}.txt"
        if not is_digest(digest) or not path.is_file():
            raise SettingsError("There is no such prompt.", "It may have been forgotten in another window.")
        path.unlink(missing_ok=True)

    def _newest(self) -> list[Path]:
        used = {}
        for path in self._folder.glob("*.txt"):
            with suppress(FileNotFoundError):
                used[path] = path.stat().st_mtime_ns
        return sorted(used, key=lambda path: used[path], reverse=True)
