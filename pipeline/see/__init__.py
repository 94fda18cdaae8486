"""Seeing: the measurements on the source, before anything is decided."""
