"""Seeing: what is measured on the source before anything is decided."""
