"""Hyperparameter tuning jobs: training jobs with hyperparameters that a strategy chooses."""
