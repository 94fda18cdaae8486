"""Restyle: the kind of job that restyles a person in a clip. Its story is `pipeline.processor`."""
