"""Presets that people saved under a name: a built-in preset, and the settings that differ from it.

presets/<name>.json      kept in a home; an order holds the settings themselves, so that it means the same later
"""

import json
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.kind import Kind
from pipeline.kinds import find_kind
from pipeline.settings.names import nearest
from pipeline.settings.presets import presets as built_in
from utils.atomic_file import explained, write_atomically
from utils.errors import ReshootError, SettingsError
from utils.untrusted_json import UntrustedJson, read_object

NAME = re.compile(r"\w[\w .+-]{0,39}")
OF_ONE_CLIP = (
    "trim.", "analysis.point_", "analysis.matte", "analysis.strokes", "generate.guide", "generate.keys", "film.plan",
    "given.",
)  # fmt: skip
"""How the names of settings begin that mean something in one clip alone; a preset leaves them out."""
MOST_BYTES, MOST_PRESETS = 64 * 1024, 200


@dataclass(frozen=True)
class OwnPreset:
    """A saved preset: the kind of job that it is for, the built-in preset under it, and what differs from that."""

    name: str
    kind: str
    preset: str
    settings: Mapping[str, Any]


class OwnPresets:
    """The saved presets of a home."""

    def __init__(self, home: Path) -> None:
        self._folder = home.absolute() / "presets"

    def all(self) -> list[OwnPreset]:
        """All of them by name, without those whose file cannot be read."""
        found = []
        for path in self._folder.glob("*.json"):
            with suppress(OSError, UntrustedJson, KeyError, TypeError, AttributeError, ReshootError):
                found.append(_read(path))
        return sorted(found, key=lambda preset: preset.name.casefold())

    def find(self, name: str) -> OwnPreset | None:
        """The preset of a name, however its letters are written."""
        return next((preset for preset in self.all() if preset.name.casefold() == name.casefold()), None)

    def save(self, kind: Kind, name: str, preset: str, settings: Mapping[str, Any]) -> OwnPreset:
        """Keep settings under a name; one that is saved under it already is replaced."""
        name = " ".join(name.split())
        _check_name(name)
        values = kind.settings.load(preset, settings).flat()
        usual = kind.settings.load(preset).flat()
        changed = {key: value for key, value in values.items() if value != usual[key]}
        kept = {key: value for key, value in changed.items() if not key.startswith(OF_ONE_CLIP)}
        if kept.get("analysis.subject") == "pointed":
            del kept["analysis.subject"]
        old = self.find(name)
        if old is None and len(self.all()) >= MOST_PRESETS:
            raise SettingsError(f"There are {MOST_PRESETS} saved presets already.", "Delete one that nobody needs.")
        path = self._path(old.name if old else name)
        with explained(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(
                path, json.dumps({"name": name, "kind": kind.name, "preset": preset, "settings": kept}, indent=1)
            )
        return OwnPreset(name, kind.name, preset, kept)

    def delete(self, name: str) -> OwnPreset:
        """Forget a preset; jobs that were ordered with it keep their settings."""
        found = self.find(name)
        if found is None:
            raise SettingsError(f"There is no saved preset {name!r:.60}.", self._which())
        self._path(found.name).unlink(missing_ok=True)
        return found

    def resolve(self, kind: Kind, name: str) -> tuple[str, dict[str, Any]]:
        """The built-in preset and the settings on top of it that a name of either sort means for a kind of job."""
        if not name or name in kind.presets:
            return name, {}
        found = self.find(name)
        if found is None:
            near = nearest(name, [*kind.presets, *(preset.name for preset in self.all())])
            raise SettingsError(
                f"There is no preset {name!r:.60}.", f"Did you mean '{near}'?" if near else self._which(kind)
            )
        if found.kind != kind.name:
            raise SettingsError(f"The preset {found.name!r} is for {found.kind} jobs.", "Choose one for this kind.")
        return found.preset, dict(found.settings)

    def pictures(self) -> set[str]:
        """The digests of the reference pictures of all saved presets."""
        names = {preset.name: find_kind(preset.kind).file_settings.values() for preset in self.all()}
        return {str(preset.settings[key]) for preset in self.all() for key in names[preset.name]
                if preset.settings.get(key)}  # fmt: skip

    def _path(self, name: str) -> Path:
        """The file of a name, which has no characters that lead elsewhere."""
        return self._folder / f"{name.casefold()}.json"

    def _which(self, kind: Kind | None = None) -> str:
        names = [*(kind.presets if kind else ()), *(preset.name for preset in self.all())]
        return f"There are {', '.join(names)}." if names else "None is saved."


def _check_name(name: str) -> None:
    if not NAME.fullmatch(name):
        raise SettingsError(
            f"A preset cannot be called {name!r:.60}.",
            "Use up to 40 letters, digits, spaces and hyphens, a letter or digit first.",
        )
    if name.casefold() in built_in():
        raise SettingsError(f"There is a built-in preset {name.casefold()!r}.", "Choose another name.")


def _read(path: Path) -> OwnPreset:
    """A saved preset; settings that this version does not have are left out."""
    with path.open("rb") as file:
        values = read_object(file.read(MOST_BYTES + 1), MOST_BYTES)
    kind = find_kind(str(values["kind"]))
    known = {field.name for field in kind.settings.fields()}
    settings = {name: value for name, value in values["settings"].items() if name in known}
    kind.settings.load(str(values["preset"]), settings)
    return OwnPreset(str(values["name"]), kind.name, str(values["preset"]), settings)
