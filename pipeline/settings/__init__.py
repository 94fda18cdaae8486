"""Every setting of a run: described once, read from presets, files and `--set`, checked in plain words."""

from pipeline.settings.assignments import read_assignments
from pipeline.settings.field import Field, Value
from pipeline.settings.model import Settings
from pipeline.settings.presets import presets

__all__ = ["Field", "Settings", "Value", "presets", "read_assignments"]
