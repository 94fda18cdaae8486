"""The report of an alignment: how time runs, and pictures of both clips side by side, for people who check it."""
