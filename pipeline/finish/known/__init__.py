"""What is known about a clip before it is finished: each thing is found once, by a stage of its own, and cached."""
