"""The flow of structure videos: extracted once into the cache, and read from there by slice, at any size."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property, lru_cache, partial
from pathlib import Path
from typing import Any

from pipeline.engines.base import EngineError
from pipeline.engines.device import this_device
from pipeline.engines.weights import weights
from pipeline.guide.framing import Framing
from pipeline.models.finding import Found
from pipeline.stage import RunContext, Stage, Work
from utils.digest import canonical_json, digest_bytes
from utils.flow import Flow
from utils.flow.extraction import BACKWARD, FORWARD, Dis, Estimator, Extraction, extract
from utils.flow.flow_file import FlowFile, FlowFileError
from utils.flow.moments import Moments
from utils.media.clip import Clip
from utils.media.timebase import Span
from utils.store import Entry
from utils.store.manifest import Damage
from utils.store.shared.sharing import ReadPart

RAFT, RAFTS = "raft", ("raft-large", "raft-small")
KEPT_FLOWS = 6
"""Flows that are kept ready in each direction: a step of a timeline may reach over several frames of its clip."""


@dataclass(frozen=True)
class Range:
    """Which frames of a clip, as the input of a stage."""

    span: Span

    @property
    def digest(self) -> str:
        """The digest of what it says."""
        return digest_bytes(canonical_json([self.span.start, self.span.stop]))


@dataclass(frozen=True)
class ClipFlow:
    """The flow of a part of a clip, read from the cache."""

    entry: Entry

    @property
    def digest(self) -> str:
        return self.entry.digest

    @cached_property
    def forward(self) -> FlowFile:
        """From each frame to the next one."""
        return FlowFile.at(self.entry.path(FORWARD))

    @cached_property
    def backward(self) -> FlowFile:
        """From each frame to the one before."""
        return FlowFile.at(self.entry.path(BACKWARD))

    def moments(self, framing: Framing) -> Moments:
        """The motion of the clip as it is framed."""
        return Moments(framing.inside.size, _framed(self.forward, framing), _framed(self.backward, framing))


@dataclass(frozen=True)
class SlicedFlow:
    """The flow of some frames of a clip, held in memory."""

    digest: str
    forward: Mapping[int, Flow] = field(repr=False)
    backward: Mapping[int, Flow] = field(repr=False)

    def moments(self, framing: Framing) -> Moments:
        """The motion of the clip as it is framed, about these frames."""
        forward, backward = (
            lambda index, flows=flows: framing.flow(flows[index]) for flows in (self.forward, self.backward)
        )
        return Moments(framing.inside.size, forward, backward)


def shared_slice(clip: Clip, whole: Span, parts: Sequence[Span], context: RunContext) -> SlicedFlow | None:
    """The flow of some parts of a clip, where that of a whole span is in the shared cache; the rest is not read."""
    sharing, key = (
        context.store.sharing,
        FLOW.key(context.settings, {"clip": clip, "range": Range(whole)}, flow_models(context.settings)),
    )
    if sharing is None:
        return None

    def take(read: ReadPart) -> SlicedFlow:
        try:
            files = [FlowFile(partial(read, name)) for name in (FORWARD, BACKWARD)]
            forward, backward = (
                {flow.source: flow for part in parts for flow in file.flows(part & file.header.sources)}
                for file in files
            )
        except FlowFileError as error:
            raise Damage(error.problem) from error
        return SlicedFlow(key.digest, forward, backward)

    return sharing.part(key, take, context.cancel)


def _framed(file: FlowFile, framing: Framing) -> Callable[[int], Flow]:
    return lru_cache(KEPT_FLOWS)(lambda index: framing.flow(file.flow(index)))


def flow_models(settings: Mapping[str, Any]) -> Mapping[str, str]:
    """The weights, name -> digest, that flow is found with; an error says what to do where none are here."""
    return {RAFT: _raft().digest} if settings["flow.method"] == "raft" else {}


def _raft() -> Found:
    """The weights of RAFT that are here, the best first."""
    for name in RAFTS:
        with suppress(EngineError):
            return weights(name)
    return weights(RAFTS[0])


def _estimator(method: str) -> Estimator:
    if method == "dis":
        return Dis()
    from utils.flow.raft import Raft

    found = _raft()
    return Raft(found.path / found.files[0], "cuda" if this_device().kind == "cuda" else "cpu")


def _extract(work: Work) -> None:
    clip: Clip = work.inputs["clip"]
    extent: Range = work.inputs["range"]
    extraction = Extraction(
        clip,
        extent.span,
        _estimator(work.settings["flow.method"]),
        most_area_px=work.settings["flow.most_px"] or None,
        steps_per_px=int(work.settings["flow.steps"]),
    )
    extract(extraction, Path(work.folder), lambda done: work.report(done, len(extent.span) - 1))


FLOW = Stage(
    "flow",
    version=1,
    run=_extract,
    settings=("flow.method", "flow.most_px", "flow.steps"),
    tools=("av", "numpy", "opencv-contrib-python"),
)
