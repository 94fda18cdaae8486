"""python -m benchmarks.real FOLDER [--only NAME] [--looks ink,film]: quality measures on every real clip of a folder.

Steadiness is measured by a meter that knows nothing of this program, beside ffmpeg's vid.stab. Then each clip is
restyled in some looks, and the report's numbers are printed; where people read contacts or drew outlines of a clip
(tests/labels), the program's own are scored against them.
"""

import argparse
import logging
import tempfile
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.journey_ground import bench_of
from pipeline.processor import restyle
from pipeline.report.journey import Journey
from pipeline.report.report import report
from pipeline.see.open_clip import open_clip
from pipeline.stage import RunContext
from tests.journeys import with_settings
from tests.labels import (
    boundary_f,
    claims_of,
    contact_labels,
    f1,
    labelled_contacts,
    labelled_masks,
    mask_labels,
    outside_share,
    overlap,
)  # fmt: skip
from tests.steadiness import compared
from utils.media.clip import Clip
from utils.media.probe import Limits, scan
from utils.media.video import ClipFrames

AWAY_PX, POINTS_EVERY = 41, 10
"""Points of the background are at least half as far from the matte, in every tenth frame."""
KINDS = (".mp4", ".m4v", ".mov", ".mkv", ".webm")


def main() -> None:
    """Print what is known of each clip as it becomes known."""
    options = _options()
    logging.disable()
    for path in sorted(options.folder.iterdir()):
        if path.suffix.lower() not in KINDS or (options.only and options.only not in path.name):
            continue
        with tempfile.TemporaryDirectory() as name:
            print(f"\n{path.name}", flush=True)
            context = bench_of(Path(name) / "cache", "balanced")
            clip = open_clip(path, context)
            for line in (*_camera(clip, Path(name)), *_looks(clip, context, options.looks)):
                print(f"  {line}", flush=True)


def _camera(clip: Clip, folder: Path) -> Iterator[str]:
    """How steady the source, vid.stab's copy and ours are, and what was paid for it."""
    found = compared(clip, folder)
    for name, meter in found.meters.items():
        away = meter.away_px(found.meters["source"]) / clip.size.width_px
        yield (
            f"{name:<10} jerk {meter.jerk_px:7.3f} px {meter.jerk_mrad:7.3f} mrad   slow path {away:6.2%}   "
            f"detail {found.kept_detail[name]:5.2f}"
        )
    ours, rival = found.meters["steady"], found.meters["vid.stab"]
    yield f"steady / vid.stab: {ours.jerk_px / rival.jerk_px:.2f} (px), {ours.jerk_mrad / rival.jerk_mrad:.2f} (mrad)"


def _looks(clip: Clip, context: RunContext, looks: list[str]) -> Iterator[str]:
    """The report's numbers for each look, and scores against what people read."""
    for index, look in enumerate(looks):
        journey = restyle(clip, with_settings(context, generate__look=look))
        numbers = report(journey)
        if not index:
            yield from _scores(journey)
            yield "segments: " + ", ".join(f"{each['name']} {each['start']}" for each in numbers["segments"])
            yield from (f"! {event['sentence']}" for event in numbers["events"])
        warp, slide = numbers["warp_error"]["ratio"], numbers["slide_px"]["after"]
        yield (
            f"{look:<12} warp error {warp} x   seams {numbers['seam_ratio']} x   slide {slide} px   "
            f"edit {numbers['edit_magnitude']} Delta E   background points {_background_px(journey):.3f} px"
        )


def _background_px(journey: Journey) -> float:
    """How far points of the background lie in the result from where they are in the source, on average."""
    clip, far = journey.clip, np.ones((AWAY_PX, AWAY_PX), np.uint8)
    result, wanted = scan(journey.encoded.path, Limits()), range(0, len(clip), POINTS_EVERY)
    frames = zip(ClipFrames.of(clip).read(wanted), ClipFrames.of(result).read(wanted), strict=True)
    moved: list[NDArray[np.float32]] = []
    for (source, finished), matte in zip(frames, journey.stable.analysis.mattes(wanted), strict=True):
        before, after = (cv2.cvtColor(frame.rgb, cv2.COLOR_RGB2GRAY) for frame in (source, finished))
        away = np.where(cv2.dilate(matte, far) == 0, 255, 0).astype(np.uint8)
        points = cv2.goodFeaturesToTrack(before, 200, 0.02, 12, mask=away)
        if points is not None:
            there, found, _ = cv2.calcOpticalFlowPyrLK(before, after, points, np.copy(points), maxLevel=0)
            moved.append(np.linalg.norm((there - points)[found.ravel() == 1, 0], axis=1))
    return float(np.concatenate(moved).mean())


def _scores(journey: Journey) -> Iterator[str]:
    clip, analysis = journey.clip, journey.stable.analysis
    name, count = clip.path.name, len(clip)
    yield f"person in {analysis.detected_fraction:.0%} of the frames, {len(journey.contacts.all)} contacts"
    if name in labelled_contacts():
        claims, truth = claims_of(journey.contacts.all, count), contact_labels(name, count)
        middle = (min(truth.ranges)[0] + max(truth.ranges)[1]) // 2
        halves = [f1(claims, truth, part) for part in (slice(None), slice(0, middle), slice(middle, None))]
        yield f"contacts F1 {halves[0]:.3f} ({halves[1]:.3f} and {halves[2]:.3f} in the halves), " + (
            f"{outside_share(claims, truth):.1%} claimed of a foot out of the picture"
        )
    if name in labelled_masks():
        drawn = mask_labels(name, clip.size)
        mattes = zip(drawn, analysis.mattes(list(drawn)), strict=True)
        scores = [(overlap(drawn[at], matte > 127), boundary_f(drawn[at], matte > 127)) for at, matte in mattes]
        yield "matte IoU {:.3f}, boundary F at 3 px {:.3f}".format(*np.mean(scores, axis=0))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.real", description=__doc__)
    parser.add_argument("folder", type=Path, help="the clips")
    parser.add_argument("--only", help="clips with this in their name")
    parser.add_argument("--looks", type=lambda text: text.split(","), default=["film", "watercolour", "ink"])
    return parser.parse_args()


if __name__ == "__main__":
    main()
