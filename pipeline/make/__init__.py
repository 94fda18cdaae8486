"""Making: an engine fills the pixels of one window after the other."""
