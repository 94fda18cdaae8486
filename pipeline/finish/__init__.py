"""Finishing: a clip becomes a film, by what is known about it and a plan that people edit."""
