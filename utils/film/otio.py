"""The cuts of a film for editing programs, as OpenTimelineIO reads them: one track of pictures, one of sound."""

import json
from fractions import Fraction
from typing import Any

from utils.film.timeline import Timeline, grid_length
from utils.media.clip import Clip


def otio(timeline: Timeline, clip: Clip) -> str:
    """The timeline as OTIO's JSON. Its rates are decimal numbers; frames are whole."""
    kinds = ["Video", *(["Audio"] if clip.audio else [])]
    tracks = [_track(kind, timeline, clip) for kind in kinds]
    stack = _item("Stack.1", "tracks", children=tracks)
    told = _item("Timeline.1", clip.path.stem, global_start_time=None, tracks=stack)
    return json.dumps(told, indent=1)


def _track(kind: str, timeline: Timeline, clip: Clip) -> dict[str, Any]:
    length = grid_length(clip, timeline.rate)
    media = {
        "OTIO_SCHEMA": "ExternalReference.1",
        "metadata": {},
        "name": clip.path.name,
        "available_range": _range(0, length, timeline.rate),
        "target_url": clip.path.absolute().as_uri(),
    }
    clips = [
        _item(
            "Clip.2",
            f"{clip.path.stem} {number}",
            source_range=_range(piece.start, len(piece), timeline.rate),
            media_references={"DEFAULT_MEDIA": media},
            active_media_reference_key="DEFAULT_MEDIA",
        )
        for number, piece in enumerate(timeline.pieces, start=1)
    ]
    return _item("Track.1", kind, kind=kind, children=clips)


def _item(schema: str, name: str, **more: Any) -> dict[str, Any]:
    usual: dict[str, Any] = {"metadata": {}, "name": name}
    if schema != "Timeline.1":
        usual |= {"source_range": None, "effects": [], "markers": [], "enabled": True}
    return {"OTIO_SCHEMA": schema, **usual, **more}


def _range(start: int, frames: int, rate: Fraction) -> dict[str, Any]:
    def at(value: int) -> dict[str, Any]:
        return {"OTIO_SCHEMA": "RationalTime.1", "rate": float(rate), "value": float(value)}

    return {"OTIO_SCHEMA": "TimeRange.1", "duration": at(frames), "start_time": at(start)}
