"""Drafts: whole maps of few frames, shown while the exact one is found, each finer than the one before."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from pipeline.align.anchors import read_anchors
from pipeline.align.placing import CachedPlace
from pipeline.align.reduced import MATCHING, TOOLS, CachedPair, given, matching_of, pair_of
from pipeline.align.time_map import TimeMap
from pipeline.run import Run
from pipeline.stage import Stage, Work
from pipeline.types import Event
from utils.align.alignment import Alignment
from utils.align.content import check_content
from utils.align.draft import SPARSE, first_draft, is_finer, sparse_draft, whole_frames
from utils.align.labels import Label
from utils.align.matching import Matching
from utils.align.placement import Placement
from utils.align.placing import Refusal
from utils.align.proxies import Proxies
from utils.progress import Listener, Progress
from utils.store import Entry

DRAFT = "draft.json"


@dataclass(frozen=True)
class Draft:
    """A whole map, what it was found in, and when, in s from the beginning of the run."""

    name: str
    map: TimeMap
    seconds: float

    @property
    def sure(self) -> float:
        """The share of frames whose time is known."""
        return float(self._sure.mean())

    @property
    def sigma(self) -> float:
        """How far sure frames may be off: root mean square, in frames of the background; NaN where none is sure."""
        return float(np.sqrt(np.mean(self.map.sigma[self._sure] ** 2))) if self._sure.any() else float("nan")

    @property
    def sentence(self) -> str:
        """How fine it is, for people."""
        known = f", to within {self.sigma:.2f} frames" if self.sure else ""
        return f"{self.name}: {100 * self.sure:.0f} % sure{known}"

    @property
    def _sure(self) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
        return np.array([label is Label.SURE for label in self.map.labels])


Told = Callable[[Draft], None]


@dataclass(frozen=True)
class CachedDraft:
    """A draft in the cache, from which a finer one starts."""

    entry: Entry

    @property
    def digest(self) -> str:
        return self.entry.digest

    @property
    def map(self) -> TimeMap:
        return TimeMap.from_json(self.entry.read_bytes(DRAFT))


@dataclass(frozen=True)
class Drafts:
    """The drafts of one run, each told as soon as it is there."""

    run: Run
    pair: CachedPair
    told: Told | None
    listener: Listener

    @classmethod
    def of(cls, run: Run, pair: CachedPair, told: Told | None) -> "Drafts":
        """Those of a run, which goes on to report what it does beside how fine the map is by then."""
        return cls(run, pair, told, run.context.listener)

    def first(self) -> None:
        """Those that are found before the placement is known exactly."""
        start = self._taken("keyframes", OF_KEYFRAMES)
        if is_finer(*self.pair.proxies):
            self._taken(f"every {SPARSE}th frame", OF_FEW, **({"start": start} if start else {}))

    def last(self, placed: CachedPlace) -> None:
        """That of all frames, each as a whole."""
        self._taken("every frame", OF_ALL, placed=placed)

    def tell(self, name: str, found: TimeMap) -> None:
        """Tell how fine a map is, wherever the run is watched."""
        draft = Draft(name, found, self.run.seconds)
        self.run.events.append(Event("draft", f"{draft.sentence[:1].upper()}{draft.sentence[1:]}."))
        self.run.context = replace(self.run.context, listener=_noting(self.listener, draft.sentence))
        self.run.context.listener(Progress("draft", 1, 1))
        if self.told:
            self.told(draft)

    def end(self, found: TimeMap) -> None:
        """Tell of the exact map, after which nothing gets finer."""
        self.tell("to a part of a frame", found)
        self.run.context = replace(self.run.context, listener=self.listener)

    def _taken(self, name: str, stage: Stage, **inputs: "CachedDraft | CachedPlace") -> CachedDraft | None:
        """A draft; None where so few frames do not show the pair, of which more may."""
        try:
            draft = CachedDraft(self.run.take(stage, pair=self.pair, **inputs))
        except Refusal as refused:
            self.run.events.append(Event("draft", f"{name[:1].upper()}{name[1:]}: no map yet. {refused.problem}"))
            return None
        self.tell(name, draft.map)
        return draft


def _noting(listener: Listener, note: str) -> Listener:
    """Report what a listener is told with this note."""
    return lambda progress: listener(replace(progress, note=note))


def _of_keyframes(work: Work) -> None:
    clips, matching, place = _asked(work)
    _write(work, first_draft(*clips, matching, place))


def _of_few(work: Work) -> None:
    clips, matching, place = _asked(work)
    before: CachedDraft | None = work.inputs.get("start")
    start = place or (before.map.placement if before else None)
    _write(work, sparse_draft(*clips, matching, start, work.cancel.check, stays=place is not None))


def _of_all(work: Work) -> None:
    placed: CachedPlace = work.inputs["placed"]
    anchors = read_anchors(work.settings["match.anchors"])
    _write(work, whole_frames(pair_of(work), placed.placed, matching_of(work.settings, anchors)))


def _asked(work: Work) -> tuple[tuple[Proxies, Proxies], Matching, Placement | None]:
    pair: CachedPair = work.inputs["pair"]
    check_content(*pair.proxies)
    return pair.proxies, matching_of(work.settings, read_anchors(work.settings["match.anchors"])), given(work.settings)


def _write(work: Work, found: Alignment) -> None:
    (work.folder / DRAFT).write_text(TimeMap.of(found).to_json())


OF_KEYFRAMES, OF_FEW, OF_ALL = (
    Stage(f"draft of {name}", version=4, run=run, settings=(*MATCHING, "match.anchors"), tools=TOOLS)
    for name, run in (("keyframes", _of_keyframes), ("few frames", _of_few), ("all frames", _of_all))
)
