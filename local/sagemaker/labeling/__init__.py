"""Ground Truth's labeling jobs, with simulated workteams."""
