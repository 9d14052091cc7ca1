from __future__ import annotations

import pytest
from fake_codepipeline import Service


@pytest.fixture
def service() -> Service:
    return Service()
