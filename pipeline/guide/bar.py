"""The bar of a guide: what guides which part of the timeline, at a glance, in characters."""

from pipeline.guide.tracker import GuidanceTracker

CHARACTERS = 60
ANCHOR, GUIDED, FREE = "◆", "█", "·"


def text_bar(tracker: GuidanceTracker, characters: int = CHARACTERS) -> str:
    """One character for each stretch of the timeline: an anchor is in it, all of it is guided, or some is not."""
    count = min(characters, tracker.frames)
    anchors, free = set(tracker.anchors()), {index for span in tracker.unguided() for index in span}
    marks = []
    for number in range(count):
        stretch = range(number * tracker.frames // count, (number + 1) * tracker.frames // count)
        marks.append(ANCHOR if anchors & set(stretch) else FREE if free & set(stretch) else GUIDED)
    return "".join(marks)
