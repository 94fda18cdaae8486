"""The clean background of a shot: mosaic of its frames, median without the person, and inpainting."""
