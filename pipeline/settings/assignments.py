"""Reading settings as people type them: `group.key=value`."""

from collections.abc import Iterable

from pipeline.settings.field import Value, shown
from pipeline.settings.model import Settings
from utils.errors import SettingsError


def read_assignments(texts: Iterable[str]) -> dict[str, Value]:
    """Typed overrides from the `group.key=value` strings of `--set`; their ranges are checked on loading."""
    given: dict[str, Value] = {}
    for text in texts:
        name, equals, value = (part.strip() for part in text.partition("="))
        if not equals or not name:
            raise SettingsError(
                f"{shown(text)} does not say which setting gets which value.",
                "Write it as stabilise.window_s=2.",
            )
        typed = Settings.field(name).read(value)
        if given.get(name, typed) != typed:
            raise SettingsError(f"{name} is set twice, to {given[name]} and to {typed}.", "Set it once.")
        given[name] = typed
    return given
