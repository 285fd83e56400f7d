"""What to try next: config, controller (Optuna and Ray Tune), command line."""
