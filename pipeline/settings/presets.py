"""The built-in presets: YAML files that hold only what differs from the defaults."""

from pathlib import Path

from pipeline.settings.names import nearest
from utils.errors import SettingsError
from utils.project import PROJECT_ROOT

FOLDER = PROJECT_ROOT / "presets"
_ORDER = ("fast", "balanced", "quality")


def presets() -> dict[str, str]:
    """The names of all presets, fastest first, each with its summary, which is the first line of its file."""
    names = sorted(path.stem for path in FOLDER.glob("*.yaml"))
    names.sort(key=lambda name: _ORDER.index(name) if name in _ORDER else len(_ORDER))
    return {name: _summary(FOLDER / f"{name}.yaml") for name in names}


def preset_file(name: str) -> Path:
    """The file of a preset; only known names become paths."""
    known = presets()
    if name in known:
        return FOLDER / f"{name}.yaml"
    near = nearest(name, known)
    remedy = f"Did you mean '{near}'?" if near else f"There are {', '.join(known)}."
    raise SettingsError(f"There is no preset {name!r:.60}.", remedy)


def _summary(path: Path) -> str:
    first = path.read_text(encoding="utf-8").partition("\n")[0]
    return first.removeprefix("#").strip()
