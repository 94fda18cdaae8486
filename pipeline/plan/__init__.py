"""Planning: the stable camera path, the segments, and the windows in which an engine works."""
