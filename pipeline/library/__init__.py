"""The library: what a home keeps of people's clips, reference pictures and results."""
