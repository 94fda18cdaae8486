"""Plain words: error sentences that name settings as the form does, for people who never saw a settings file."""

import re
from collections import Counter
from functools import lru_cache

from pipeline.kinds import kinds
from ui.forms import form

NAME = re.compile(r"\b[a-z]\w*\.[a-z]\w*\b")


def settings_named(text: str) -> list[str]:
    """The settings that a text names, in its order: 'generate.look'."""
    return [name for name in NAME.findall(text) if name in _titles()]


def in_words(text: str) -> str:
    """The text with the titles that people see in place of the settings' names."""
    return NAME.sub(lambda found: _titles().get(found[0], found[0]), text)


@lru_cache(maxsize=1)
def _titles() -> dict[str, str]:
    """The title of each setting in quotation marks, with its group where several settings have that title."""
    titles: dict[str, str] = {}
    for described in map(form, kinds()):
        groups = {group["name"]: group["title"] for group in described["groups"]}
        often = Counter(field["title"] for field in described["fields"])
        for field in described["fields"]:
            where = f" ({groups[field['group']]})" if often[field["title"]] > 1 else ""
            titles.setdefault(field["name"], f"“{field['title']}”{where}")
    return titles
