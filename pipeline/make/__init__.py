"""Runs an engine on each window of a clip: prepares its input, checks its output, and stores the frames."""
