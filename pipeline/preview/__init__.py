"""Previews: what can be seen before a job, and of a window while a job runs."""
