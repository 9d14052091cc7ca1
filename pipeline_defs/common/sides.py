"""The sides that pictures are split into, whatever the task; ADR 7 and ADR 34."""

SHARES = {"train": 0.70, "validation": 0.12, "test": 0.18}
