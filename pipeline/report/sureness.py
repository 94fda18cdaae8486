"""Sureness: on how much of a clip the numbers of a report rest, as shares and in words."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.report.journey import Journey
from pipeline.report.quality import CAMERA_FOLLOWED, FEET_SHOWN, PERSON_FOUND, Verdict
from utils.people.pose import HEELS, TOES, Poses
from utils.size import Size

FOLLOWED = 0.7
"""Share of the background's points in a frame that must agree on the camera's movement for it to be followed well."""


def sureness(journey: Journey) -> dict[str, float | None]:
    """Shares: frames with a well followed camera, frames with the person, and of these, those with a foot in sight."""
    analysis = journey.stable.analysis
    moving = analysis.camera.confidence[1:]
    shown = np.array([box is not None for box in analysis.boxes])
    feet = _feet_in(analysis.sure_poses, journey.clip.size)
    return {
        "camera": round(float((moving >= FOLLOWED).mean()), 4) if len(moving) else None,
        "person": round(float(shown.mean()), 4),
        "feet": round(float(feet[shown].mean()), 4) if shown.any() else None,
    }


def sureness_in_words(shares: Mapping[str, Any]) -> Iterator[tuple[Verdict, str]]:
    """A sentence for each share, with its verdict; what was not measured is left out."""
    camera, person, feet = (shares.get(name) for name in ("camera", "person", "feet"))
    if camera is not None:
        verdict = CAMERA_FOLLOWED.verdict(camera)
        yield verdict, f"The camera was followed well in {_percent(camera)} of the frames: {_CAMERA[verdict]}"
    if person is not None:
        verdict = PERSON_FOUND.verdict(person)
        yield verdict, f"The person was found in {_percent(person)} of the frames: {_PERSON[verdict]}"
    if feet is not None:
        verdict = FEET_SHOWN.verdict(feet)
        yield verdict, f"Where the person is, a whole foot is in the picture in {_percent(feet)}: {_FEET[verdict]}"


_CAMERA: dict[Verdict, str] = {
    "good": "jerk, slide and background are measured on sure ground.",
    "": "take jerk and slide as good estimates.",
    "look": "take jerk, slide and background as rough, and trust your eyes more.",
}
_PERSON: dict[Verdict, str] = {
    "good": "the numbers speak of the whole clip.",
    "": "the numbers speak of these frames alone; the others stay as they were.",
    "look": "the numbers speak of a small part of the clip. Point at the person if somebody else was found.",
}
_FEET: dict[Verdict, str] = {
    "good": "contacts and slide speak of nearly all steps.",
    "": "contacts and slide speak of these frames alone.",
    "look": "contacts and slide say little here.",
}


def _feet_in(poses: Poses, size: Size) -> NDArray[np.bool_]:
    """For each frame, whether heel and toe of a foot are found inside the picture."""
    inside = np.isfinite(poses.keypoints).all(axis=2) & (poses.keypoints >= 0).all(axis=2)
    inside &= (poses.keypoints < np.array(size)).all(axis=2)
    feet = [inside[:, heel] & inside[:, toe] for heel, toe in zip(HEELS, TOES, strict=True)]
    return np.asarray(feet[0] | feet[1])


def _percent(share: float) -> str:
    return "100 %" if share >= 1 else f"{min(99, round(100 * share))} %"
