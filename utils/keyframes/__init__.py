"""Painted key frames, carried through a clip: which frames become keys, and what of a key each other frame shows."""

MOST_WORKERS = 16
"""How many frames are made at the same time at most, one on each processor."""
