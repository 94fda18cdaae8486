"""Painted key frames, carried through a clip: which frames become keys, and what of a key each other frame shows."""
