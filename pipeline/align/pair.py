"""The pair of clips that is aligned, opened."""

from dataclasses import replace
from pathlib import Path

from pipeline.see.open_clip import TRIM_SETTINGS, open_clip
from pipeline.stage import RunContext
from utils.media.clip import Clip


def open_pair(background: Path, foreground: Path, context: RunContext) -> tuple[Clip, Clip]:
    """The whole background, and the foreground or the part of it that is set."""
    untrimmed = {name: value for name, value in context.settings.items() if name not in TRIM_SETTINGS}
    return open_clip(background, replace(context, settings=untrimmed)), open_clip(foreground, context)
