"""The plan of a run: all that follows from a config, derived and checked before anything is written."""
