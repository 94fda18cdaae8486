"""The film of finishing: from a plan to layers and sound, chunk by chunk, each frame encoded once."""
