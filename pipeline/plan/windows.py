"""Windows: the calls of an engine, planned in the lengths and sizes that it takes.

A segment is cut into equal pieces. A window is a piece plus the frames that it shares with the window before, where the
two are blended. Where an engine takes only certain lengths, a window shares a few frames more.

For an engine that makes what lies between given frames, a window goes from one of these keys to the next, with both.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from math import ceil

from pipeline.engines.base import Caps, Lengths
from pipeline.plan.segmentation import Segment
from pipeline.plan.stable_picture import StablePicture
from utils.digest import canonical_json, digest_bytes
from utils.errors import SettingsError
from utils.image import Box, Size
from utils.media.timebase import Span


@dataclass(frozen=True)
class WindowPlan:
    """One call of the engine: frames of one segment, and the box of the stable picture that they show.

    `overlap` is the number of its first frames that the window before generates too.
    """

    index: int
    segment: str
    span: Span
    box: Box
    overlap: int

    @property
    def digest(self) -> str:
        """The digest of all fields."""
        return digest_bytes(canonical_json({**asdict(self), "box": list(self.box)}))


@dataclass(frozen=True)
class KeyedPlan(WindowPlan):
    """A window from one key to the next, which is the same whatever is painted before it: its number does not count."""

    @property
    def digest(self) -> str:
        """The digest of all fields but the number."""
        fields = {name: value for name, value in asdict(self).items() if name != "index"}
        return digest_bytes(canonical_json({**fields, "box": list(self.box)}))


@dataclass(frozen=True)
class Stretch:
    """The frames of a window, and how many of the first ones the window before generates too."""

    segment: str
    span: Span
    overlap: int = 0

    @property
    def spare(self) -> int:
        """How many frames the next window can share: those that this one does not share with the window before."""
        return len(self.span) - max(1, self.overlap)


def windows(
    stable: StablePicture,
    segments: Sequence[Segment],
    caps: Caps,
    overlap_frames: int,
    *,
    whole: bool,
    keys: Collection[int] = (),
) -> tuple[WindowPlan, ...]:
    """The windows of a clip in order. Where nobody is seen there is none, unless the `whole` picture is generated.

    `keys` are the given frames, for an engine that makes what lies between them.
    """
    shots = tuple(Span(shot.start, shot.stop) for shot in stable.camera.shots)

    def shown(span: Span) -> bool:
        return stable.box(span, whole=whole) is not None

    if caps.between_given:
        runs = between_keys(segments, shots, caps.lengths, keys, shown)
    else:
        runs = stretches(segments, shots, caps.lengths, overlap_frames, shown)
    boxes = [stable.box(each.span, whole=whole) for each in runs]
    alike = sized([box for box in boxes if box], caps, stable.canvas)
    plan = KeyedPlan if caps.between_given else WindowPlan
    return tuple(
        plan(index, each.segment, each.span, box, each.overlap)
        for index, (each, box) in enumerate(zip(runs, alike, strict=True))
    )


def stretches(
    segments: Sequence[Segment],
    shots: Sequence[Span],
    lengths: Lengths,
    overlap_frames: int,
    shown: Callable[[Span], bool] = lambda span: True,
) -> tuple[Stretch, ...]:
    """The frames of all windows, without those in which nothing is shown.

    Together they cover every piece that is shown; no frame is in more than two of them, none crosses a cut, and each
    has a length that the engine takes, unless its whole shot is too short for one.
    """
    overlap_frames = min(overlap_frames, lengths.most // 2)
    runs: list[Stretch] = []
    for name, piece in _pieces(segments, max(1, min(lengths.preferred, lengths.most - overlap_frames))):
        shot = next(each for each in shots if piece.start in each)
        before = runs[-1] if runs and runs[-1].span.stop >= piece.start > shot.start else None
        if before is not None and before.span.stop >= piece.stop:
            continue
        stretch = _stretch(name, piece, before, overlap_frames)
        stretch = _fitted(stretch, before, shot, lengths)
        if shown(stretch.span):
            runs.append(stretch)
    return tuple(runs)


def between_keys(
    segments: Sequence[Segment],
    shots: Sequence[Span],
    lengths: Lengths,
    keys: Collection[int],
    shown: Callable[[Span], bool] = lambda span: True,
) -> tuple[Stretch, ...]:
    """The frames of all windows from one key to the next, without those in which nothing is shown.

    Two windows share the key between them. Before the first key of a shot, and after its last one, a window goes as far
    as anything is shown. SettingsError names the frame to paint where a key is missing.
    """
    runs: list[Stretch] = []
    for shot in shots:
        if not shown(shot):
            continue
        for span in filter(shown, _from_key_to_key(shot, sorted(key for key in keys if key in shot), shown)):
            if len(span) > lengths.most:
                raise _too_far(span, lengths.most)
            overlap = int(bool(runs) and runs[-1].span.stop > span.start)
            runs.append(Stretch(_name_at(segments, (span.start + span.stop) // 2), span, overlap))
    return tuple(runs)


def _from_key_to_key(shot: Span, keys: Sequence[int], shown: Callable[[Span], bool]) -> list[Span]:
    """A shot cut at its keys, each of which is in the part before it and in the part after it."""
    seen = [index for index in shot if shown(Span(index, index + 1))]
    if not keys:
        where = f"frames {shot.start} to {shot.stop - 1}" if len(shot) > 1 else f"frame {shot.start}"
        raise SettingsError(
            f"No frame is painted in the shot of {where}.", f"Paint one of it, such as frame {seen[len(seen) // 2]}."
        )
    edges = sorted({min(seen[0], keys[0]), *keys, max(seen[-1], keys[-1])})
    return [Span(start, stop + 1) for start, stop in pairwise(edges)] or [Span(edges[0], edges[0] + 1)]


def _too_far(span: Span, most: int) -> SettingsError:
    """What is wrong with a window that is longer than its engine takes."""
    return SettingsError(
        f"No frame is painted between {span.start} and {span.stop - 1}, and {most} frames are the most that a window "
        "from one painted frame to the next can have.",
        f"Paint frame {(span.start + span.stop) // 2} too.",
    )


def _name_at(segments: Sequence[Segment], index: int) -> str:
    """The name of the segment that holds a frame."""
    return next(segment.name for segment in segments if index in segment.span)


def _stretch(name: str, piece: Span, before: Stretch | None, overlap_frames: int) -> Stretch:
    """A piece and the frames that it shares with the window before, which may already reach into the piece."""
    if before is None:
        return Stretch(name, piece)
    reach = before.span.stop - piece.start
    overlap = min(max(reach, min(overlap_frames, len(piece))), before.spare)
    return Stretch(name, Span(before.span.stop - overlap, piece.stop), overlap)


def _fitted(stretch: Stretch, before: Stretch | None, shot: Span, lengths: Lengths) -> Stretch:
    """A stretch grown to a length that the engine takes: back into the window before, then forward into the shot."""
    span = stretch.span
    missing = lengths.fitting(len(span)) - len(span)
    back = min(missing, before.spare - stretch.overlap) if before else 0
    stop = min(span.stop + missing - back, shot.stop)
    return Stretch(stretch.segment, Span(span.start - back, stop), stretch.overlap + back)


def _pieces(segments: Sequence[Segment], longest: int) -> Iterator[tuple[str, Span]]:
    """The segments, each cut into equal pieces of at most `longest` frames."""
    for segment in segments:
        count = max(1, ceil(len(segment.span) / longest))
        edges = [segment.span.start + round(len(segment.span) * part / count) for part in range(count + 1)]
        for start, stop in pairwise(edges):
            yield segment.name, Span(start, stop)


def sized(boxes: Sequence[Box], caps: Caps, canvas: Size) -> list[Box]:
    """The boxes, grown to sizes that the engine takes, as far as the stable picture goes."""
    if not boxes or (caps.size_multiple == 1 and caps.canvas == "any"):
        return list(boxes)
    widest = Size(max(box.size.width_px for box in boxes), max(box.size.height_px for box in boxes))
    return [_grown(box, widest if caps.canvas == "one" else box.size, caps.size_multiple, canvas) for box in boxes]


def _grown(box: Box, least: Size, multiple: int, canvas: Size) -> Box:
    """A box around the same middle, at least as large as `least`, with sides that divide by `multiple`."""
    width, height = (min(-(-side // multiple) * multiple, most) for side, most in zip(least, canvas, strict=True))
    left = min(max(0, (box.left + box.right - width) // 2), canvas.width_px - width)
    top = min(max(0, (box.top + box.bottom - height) // 2), canvas.height_px - height)
    return Box(left, top, left + width, top + height)
