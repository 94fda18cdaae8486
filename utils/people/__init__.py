"""Seeing the person: where they are in each frame, their joints, their outline."""
