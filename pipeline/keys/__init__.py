"""Frames to paint: which they are, and the folder in which people get them."""
