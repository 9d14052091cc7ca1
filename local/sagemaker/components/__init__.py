"""Inference components: copies of a model on an endpoint, exchanged batch by batch."""
