"""Feet: ground contacts, how far planted feet slide in generated pictures, and correcting that slide."""
