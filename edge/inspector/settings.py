"""The component's configuration, read once and checked."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


class BadSettings(Exception):  # noqa: N818 - the name that callers read
    """A value of the configuration that the inspector cannot use; the message names it."""


@dataclass(frozen=True)
class Settings:
    """What the recipe's DefaultConfiguration holds, after the deployment's changes.

    Scores from `unsure_low` to `unsure_high` make a picture unsure; detections count from `min_score` on.
    """

    images_bucket: str
    artifacts_bucket: str
    model: str
    input_directory: Path
    unsure_low: float
    unsure_high: float
    min_score: float
    health_interval_seconds: float

    @classmethod
    def from_configuration(cls, configuration: Mapping[str, object], work: Path) -> "Settings":
        """Read the configuration; a relative inputDirectory lies in `work`. Raises BadSettings."""
        settings = cls(
            images_bucket=_text(configuration, "imagesBucket"),
            artifacts_bucket=_text(configuration, "artifactsBucket"),
            model=_text(configuration, "model"),
            input_directory=work / _text(configuration, "inputDirectory"),
            unsure_low=_number(configuration, "unsureLow", 0.0, 1.0),
            unsure_high=_number(configuration, "unsureHigh", 0.0, 1.0),
            min_score=_number(configuration, "minScore", 0.0, 1.0),
            health_interval_seconds=_number(configuration, "healthIntervalSeconds", 0.1, 86400.0),
        )
        if settings.unsure_low > settings.unsure_high:
            raise BadSettings(
                f"configuration: unsureLow: {settings.unsure_low} is above unsureHigh, {settings.unsure_high}"
            )
        return settings


def _text(configuration: Mapping[str, object], name: str) -> str:
    value = configuration.get(name)
    if not isinstance(value, str) or not value:
        raise BadSettings(f"configuration: {name}: {value!r} is not a text; set it in the deployment")
    return value


def _number(configuration: Mapping[str, object], name: str, low: float, high: float) -> float:
    value = configuration.get(name)
    try:
        # Nucleus lite hands a YAML 0.5 over as the string "0.5".
        number = float(value) if isinstance(value, str | int | float) else float("nan")
    except ValueError:
        number = float("nan")
    if not low <= number <= high:
        raise BadSettings(f"configuration: {name}: {value!r} is not a number from {low:g} to {high:g}")
    return number
