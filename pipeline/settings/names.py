"""Suggestions for mistyped names of settings."""

import re
from collections.abc import Iterable, Mapping
from difflib import SequenceMatcher, get_close_matches

from pipeline.settings.field import Field, Value, present, shown
from utils.errors import SettingsError

NEAR = 0.65
"""The similarity (0 to 1) from which on a name is suggested in place of another."""

_SPELLINGS = (
    (re.compile("iz(?=e|ing|ation)"), "is"),
    (re.compile("color"), "colour"),
    (re.compile("center"), "centre"),
)
LISTING = "`python -m pipeline settings` lists every setting."


def folded(name: str) -> str:
    """A name normalised to lower case, underscores and British spelling."""
    name = re.sub(r"[\s-]+", "_", name.strip().lower())
    for american, british in _SPELLINGS:
        name = american.sub(british, name)
    return name


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word most similar to a wrong one; None if none is near."""
    by_folded = {folded(name): name for name in known}
    matches = get_close_matches(folded(word), by_folded, n=1, cutoff=NEAR)
    return by_folded[matches[0]] if matches else None


def unknown(name: str, fields: Mapping[str, Field], now: Mapping[str, Value], where: str = "") -> SettingsError:
    """The error for an unknown name, which suggests the nearest settings with their ranges and current values."""
    near = [f"'{known}' ({fields[known].range_text}, now {present(now[known])})" for known in _candidates(name, fields)]
    remedy = f"Did you mean {' or '.join(near)}?" if near else LISTING
    return SettingsError(f"{where}There is no setting {shown(name)}.", remedy)


def _candidates(name: str, fields: Mapping[str, Field]) -> list[str]:
    """Up to three names about as near as the nearest; a name without a dot is compared with the keys alone."""
    wrong = folded(name[:80])
    group = [known for known, field in fields.items() if field.group == wrong]
    if group:
        return group[:3]
    near = {known: _likeness(wrong, field) for known, field in fields.items()}
    best = max(near.values())
    return [known for known, likeness in near.items() if likeness >= max(NEAR, best - 0.02)][:3]


def _likeness(wrong: str, field: Field) -> float:
    """The similarity (0 to 1) of a wrong name and a setting; the right key in a similar group counts 0.9."""
    if "." not in wrong:
        return SequenceMatcher(None, wrong, folded(field.key)).ratio()
    group, _, key = wrong.rpartition(".")
    whole = SequenceMatcher(None, wrong, folded(field.name)).ratio()
    same_key = 0.9 * (key == folded(field.key)) * (SequenceMatcher(None, group, field.group).ratio() > 0.3)
    return max(whole, same_key)
