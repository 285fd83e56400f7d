"""The stages of a run, in order: data, teachers, supernet, trials, retraining; and what commands do with runs and
detectors, such as evaluating."""
