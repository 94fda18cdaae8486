"""Feet: when they stand, where, how far they slide, and how they are held."""
