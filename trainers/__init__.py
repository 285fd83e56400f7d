"""How it is trained: data, distillation, teachers, supernet training, scoring, retraining, evaluation."""
