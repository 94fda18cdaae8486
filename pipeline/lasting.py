"""How long results last: by what the results of a stage depend on, in three classes, and the cache's figures by them.

One light table, because the page and `cache stats` tell the class of stages whose code they do not load. What is in
neither set is conditional: the safe answer for stages of earlier versions and of engines.
"""

from collections.abc import Mapping
from typing import Literal, get_args

from utils.store.inventory import StageStats

Lasting = Literal["permanent", "conditional", "dynamic"]
"""What a result depends on: the bytes of given files alone, settings too, or a service that may answer otherwise."""
CLASSES: tuple[Lasting, ...] = get_args(Lasting)
MEANINGS: Mapping[Lasting, str] = {
    "permanent": "of the files' bytes alone",
    "conditional": "of settings too",
    "dynamic": "of a service that may answer otherwise another day",
}
PERMANENT = frozenset({
    "probe", "sound", "voice", "loudness", "given transcript", "sound file", "proxies", "listen", "track",
    "given matte", "given guide", "given keys", "web copy", "web copy of the clip", "film tone",
})  # fmt: skip
"""Stages that read given files, or results of such stages, and no setting."""
DYNAMIC = frozenset({"correction", "broll search", "broll clip"})
"""Stages in whose result a service outside has a part, which a key can name and not pin."""


def lasting_of(stage: str) -> Lasting:
    """The class of a stage's results."""
    return "permanent" if stage in PERMANENT else "dynamic" if stage in DYNAMIC else "conditional"


def by_class(stages: Mapping[str, StageStats]) -> dict[Lasting, StageStats]:
    """Entries and usage counts of the stages, added up by class; every class is there."""
    sums: dict[Lasting, StageStats] = dict.fromkeys(CLASSES, StageStats())
    for name, stage in stages.items():
        sums[lasting_of(name)] += stage
    return sums
