"""Finding the setting that a wrong name was meant to be."""

import re
from collections.abc import Iterable, Mapping
from difflib import SequenceMatcher, get_close_matches

from pipeline.settings.field import Field, Value, present, shown
from utils.errors import SettingsError

NEAR = 0.65
"""How alike two names must be (0 to 1) for one to be offered in place of the other."""

_SPELLINGS = (
    (re.compile("iz(?=e|ing|ation)"), "is"),
    (re.compile("color"), "colour"),
    (re.compile("center"), "centre"),
)
LISTING = "`python -m pipeline settings` lists every setting."


def folded(name: str) -> str:
    """A name without the differences that nobody means: case, hyphens, American spelling."""
    name = re.sub(r"[\s-]+", "_", name.strip().lower())
    for american, british in _SPELLINGS:
        name = american.sub(british, name)
    return name


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that is most like the wrong one, if any is near."""
    by_folded = {folded(name): name for name in known}
    found = get_close_matches(folded(word), by_folded, n=1, cutoff=NEAR)
    return by_folded[found[0]] if found else None


def unknown(name: str, fields: Mapping[str, Field], now: Mapping[str, Value], where: str = "") -> SettingsError:
    """The error for a name that is no setting: the nearest right ones, their ranges and present values."""
    near = [f"'{each}' ({fields[each].range_text}, now {present(now[each])})" for each in _candidates(name, fields)]
    remedy = f"Did you mean {' or '.join(near)}?" if near else LISTING
    return SettingsError(f"{where}There is no setting {shown(name)}.", remedy)


def _candidates(name: str, fields: Mapping[str, Field]) -> list[str]:
    """Up to three names as near as the nearest; without a group, the part after the dot is compared."""
    wrong = folded(name[:80])
    group = [each for each, field in fields.items() if field.group == wrong]
    if group:
        return group[:3]
    near = {each: _likeness(wrong, field) for each, field in fields.items()}
    best = max(near.values())
    return [each for each, likeness in near.items() if likeness >= max(NEAR, best - 0.02)][:3]


def _likeness(wrong: str, field: Field) -> float:
    if "." not in wrong:
        return SequenceMatcher(None, wrong, folded(field.key)).ratio()
    group, _, key = wrong.rpartition(".")
    whole = SequenceMatcher(None, wrong, folded(field.name)).ratio()
    same_key = 0.9 * (key == folded(field.key)) * (SequenceMatcher(None, group, field.group).ratio() > 0.3)
    return max(whole, same_key)
