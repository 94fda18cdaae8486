"""Result: what the results of every kind of job have in common."""
