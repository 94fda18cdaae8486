"""Media: files in, exact frames and sound by index, files out."""
