"""Processing and training jobs, as real subprocesses."""
