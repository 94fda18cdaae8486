"""Alignment of two clips in time and space: which moment of a background, and which part of it, a foreground shows."""
