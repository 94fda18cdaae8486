"""Benchmarks: measurements, as ratios taken side by side in one run. Nothing here is a test."""

import utils  # noqa: F401  (first, as a user's process does: it settles how numpy starts)
