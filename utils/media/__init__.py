"""Media files: probing, exact decoding by frame index, colour conversion, sound, and writing."""
