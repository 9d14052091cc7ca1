from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from edge.inspector.settings import BadSettings, Settings

GOOD: dict[str, Any] = {
    "imagesBucket": "images",
    "artifactsBucket": "artifacts",
    "model": "tags",
    "inputDirectory": "pictures",
    "unsureLow": "0.15",
    "unsureHigh": 0.6,
    "minScore": "0.25",
    "healthIntervalSeconds": 30,
}


def test_texts_and_numbers_mean_the_same() -> None:
    settings = Settings.from_configuration(GOOD, Path("/work"))
    assert (settings.unsure_low, settings.unsure_high) == (0.15, 0.6)
    assert settings.input_directory == Path("/work/pictures")


def test_an_absolute_input_directory_stays() -> None:
    settings = Settings.from_configuration({**GOOD, "inputDirectory": "/camera"}, Path("/work"))
    assert settings.input_directory == Path("/camera")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("unsureLow", "much"),
        ("unsureLow", 1.4),
        ("unsureLow", None),
        ("minScore", float("nan")),
        ("imagesBucket", ""),
        ("model", 3),
        ("healthIntervalSeconds", 0),
    ],
)
def test_a_wrong_value_is_named(name: str, value: object) -> None:
    with pytest.raises(BadSettings, match=f"configuration: {name}: "):
        Settings.from_configuration({**GOOD, name: value}, Path("/work"))


def test_bounds_the_wrong_way_round_are_refused() -> None:
    with pytest.raises(BadSettings, match=r"unsureLow: 0\.7 is above unsureHigh, 0\.6"):
        Settings.from_configuration({**GOOD, "unsureLow": 0.7}, Path("/work"))
