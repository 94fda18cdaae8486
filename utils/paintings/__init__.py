"""Pictures that people painted over frames of a clip: kept in a file, recognised, and laid where they belong."""
