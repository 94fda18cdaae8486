"""Composing: what an engine made becomes a film in the source's own camera."""
