"""What a trained network computes at inference, in arrays: what every exporter reads."""
