"""Training and measuring detectors: data, distillation, teachers, supernets, scoring, retraining, evaluation."""
