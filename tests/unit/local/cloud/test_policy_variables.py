import pytest

from local.cloud.ministack_policies import filled_in

PATTERN = "arn:aws:s3:::artifacts/edge/${credentials-iot:ThingName}/*"


def test_a_variable_is_filled_from_the_session() -> None:
    assert (
        filled_in(PATTERN, {"credentials-iot:ThingName": "press-1"})
        == "arn:aws:s3:::artifacts/edge/press-1/*"
    )


def test_a_pattern_whose_variable_nobody_knows_matches_nothing() -> None:
    assert filled_in(PATTERN, {"aws:SourceAccount": "000000000000"}) is None


@pytest.mark.parametrize("pattern", ["*", "arn:aws:s3:::artifacts/edge/*"])
def test_a_pattern_without_variables_stays(pattern: str) -> None:
    assert filled_in(pattern, {}) == pattern
