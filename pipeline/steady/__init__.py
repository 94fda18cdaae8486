"""Steady: the kind of job that takes the operator's shake out of a clip and changes nothing else."""
