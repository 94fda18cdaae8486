"""Drafting: what is known about a clip, and the files that people have, become a plan that they edit."""
