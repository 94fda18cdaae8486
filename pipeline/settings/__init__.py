"""Settings of a run: each is described once, read from presets, files and `--set`, and refused in plain sentences."""

from pipeline.settings.field import Field, Value
from pipeline.settings.model import JobSettings, Settings, read_assignments
from pipeline.settings.presets import presets

__all__ = ["Field", "JobSettings", "Settings", "Value", "presets", "read_assignments"]
