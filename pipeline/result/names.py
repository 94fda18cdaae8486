"""The names of the files that every result has. Light: the web process imports them."""

from pipeline.kind import ResultFile

CLIP, SETTINGS, FACTS = "result.mp4", "settings.json", "result.json"
BEFORE, AFTER, POSTER = "before.mp4", "after.mp4", "poster.jpg"

COMMON_FILES = {
    SETTINGS: ResultFile("Settings", "settings"),
    BEFORE: ResultFile("Source, for the page", "before", listed=False),
    AFTER: ResultFile("Finished clip, for the page", "after", listed=False),
    POSTER: ResultFile("Still", "still", listed=False),
}
"""Files of every result beside those of its kind."""
