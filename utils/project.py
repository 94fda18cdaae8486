"""The project's root folder: where its modules are started from and its files are found."""

from pathlib import Path

PROJECT_ROOT = Path(__file__).resolve().parents[1]
