"""Finding the person in each frame: pose keypoints, matte, shot cuts, and which person the clip is about."""
