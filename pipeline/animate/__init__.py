"""The animate job: a clip from pictures alone, which are carried along the motion of structure videos."""
