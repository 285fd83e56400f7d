"""The stages of a run, in order: data, teachers, supernet, trials, retraining."""
