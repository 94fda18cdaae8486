"""The report of an alignment: how time runs, and pictures of both clips side by side, for people who check it."""

from pathlib import Path

ASSETS = Path(__file__).parent / "assets"
"""Styles and scripts of the report, of which the studio uses some, too."""
