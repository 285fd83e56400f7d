"""What to try next: the controller, its samplers, its journal, its objectives."""
