"""Names in a message: the first of many, since a job's reason of failure holds 1,024 characters."""

from collections.abc import Sequence

_MOST = 12


def named(names: Sequence[str], most: int = _MOST) -> str:
    """Return the names with commas, and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
