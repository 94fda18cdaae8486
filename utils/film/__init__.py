"""A film made of clips: its timeline, what is drawn on its frames, and what is heard. Nothing here knows stages."""
