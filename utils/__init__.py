"""Tools on arrays, paths and files. Nothing here knows of stages, jobs, presets or screens."""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
"""The matrices here are small: threads of their own only keep busy processors from the frames (a tenth of all)."""
