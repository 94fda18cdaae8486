"""The library: the clips and reference pictures that a home stores, and the export of results."""
