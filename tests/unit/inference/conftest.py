"""A detector with a known answer."""

from collections.abc import Callable
from pathlib import Path

import pytest
from tiny_detector import write_tiny_model


@pytest.fixture(scope="session")
def tiny_model() -> Callable[..., Path]:
    """Return the writer, since test folders are no packages to import from."""
    return write_tiny_model
