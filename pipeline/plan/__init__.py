"""Planning: the calm camera, the segments, and the windows in which an engine works."""
