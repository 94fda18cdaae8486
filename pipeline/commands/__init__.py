"""One sub-command of `python -m pipeline` per file. Heavy imports happen inside the command that needs them."""
