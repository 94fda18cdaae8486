"""Tools on arrays, paths and files. Nothing here knows of stages, jobs, presets or screens."""
