"""Composing: the frames that an engine generated become a clip in the source's own camera."""
