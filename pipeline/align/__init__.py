"""The align job: where and when a foreground clip belongs over a background clip, and the two as one."""
