from dataclasses import dataclass

import pytest

from lambdas.common.environment import EnvironmentVariableError, read, variables


@dataclass(frozen=True)
class Environment:
    images_bucket: str
    max_rounds: int
    tolerance: float = 0.5


def test_variables_are_read_into_their_fields() -> None:
    values = {"IMAGES_BUCKET": "images", "MAX_ROUNDS": "3", "TOLERANCE": "0.1", "PATH": "/bin"}
    assert read(Environment, values) == Environment("images", 3, 0.1)


def test_a_field_with_a_default_may_be_missing() -> None:
    assert read(Environment, {"IMAGES_BUCKET": "images", "MAX_ROUNDS": "3"}).tolerance == 0.5


def test_the_process_environment_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMAGES_BUCKET", "images")
    monkeypatch.setenv("MAX_ROUNDS", "1")
    assert read(Environment).images_bucket == "images"


def test_everything_that_is_wrong_is_named_at_once() -> None:
    with pytest.raises(
        EnvironmentVariableError, match=r"IMAGES_BUCKET is missing; MAX_ROUNDS='x' is not int"
    ):
        read(Environment, {"MAX_ROUNDS": "x"})


def test_variables_are_the_fields_in_capitals() -> None:
    assert variables(Environment) == {"IMAGES_BUCKET", "MAX_ROUNDS", "TOLERANCE"}
