"""Matte: the kind of job that finds the person and writes their outline for every frame, to be checked and reused."""
