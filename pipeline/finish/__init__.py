"""Finish: a clip is analysed once, edited by layers, and every frame of the film is encoded once."""
