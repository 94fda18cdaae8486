"""A kind of job for tests: this folder and one line of the registry are all that it takes."""
