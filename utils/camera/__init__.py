"""The camera: how it moved, how that is smoothed, and pictures moved by it."""
