"""Pipelines: their definition, interpreted."""
