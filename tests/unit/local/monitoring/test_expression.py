from __future__ import annotations

import pytest

from local.cloud.errors import AwsError
from local.monitoring.expression import parse


@pytest.mark.parametrize(
    ("text", "values", "expected"),
    [
        ("1 + 2 * 3", {}, 7),
        ("(1 + 2) * 3", {}, 9),
        ("10 - 4 - 3", {}, 3),
        ("8 / 4 / 2", {}, 1),
        ("2 ^ 3", {}, 8),
        ("-m1 + 5", {"m1": 2}, 3),
        ("m1 / m2", {"m1": 3, "m2": 4}, 0.75),
        ("m1 >= 20", {"m1": 20}, 1),
        ("m1 != 20", {"m1": 20}, 0),
        ("m1 > 1 AND m2 < 1", {"m1": 2, "m2": 0}, 1),
        ("m1 > 1 && m2 < 1 || m3 == 1", {"m1": 0, "m2": 0, "m3": 1}, 1),
        ("ABS(m1 - .45)", {"m1": 0.2}, 0.25),
        ("IF(requests >= 20, ABS(value - 0.45), 0)", {"requests": 25, "value": 0.95}, 0.5),
        ("IF(requests >= 20, ABS(value - 0.45), 0)", {"requests": 19, "value": 0.95}, 0),
        ("IF(m1, IF(m2, 1, 2), 3)", {"m1": 1, "m2": 0}, 2),
        ("FILL(m1, 7)", {"m1": None}, 7),
        ("FILL(m1, 7)", {"m1": 1}, 1),
        ("CEIL(1.2) + FLOOR(1.8)", {}, 3),
    ],
)
def test_an_expression_is_computed(text: str, values: dict[str, float | None], expected: float) -> None:
    assert parse(text).evaluate(values) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("m1 + 1", {"m1": None}),
        ("m1 > 1", {}),
        ("IF(m1, 1, 2)", {"m1": None}),
        ("IF(1, m1, 2)", {"m1": None}),
        ("1 / m1", {"m1": 0}),
        ("(0 - 8) ^ 0.5", {}),
        ("10 ^ 400", {}),
    ],
)
def test_what_is_computed_of_nothing_is_nothing(text: str, values: dict[str, float | None]) -> None:
    assert parse(text).evaluate(values) is None


def test_a_choice_needs_no_data_for_what_is_not_chosen() -> None:
    assert parse("IF(requests >= 20, value, 0.4)").evaluate({"requests": 3, "value": None}) == 0.4


def test_an_expression_names_what_it_is_of() -> None:
    assert parse("IF(n >= 20, ABS(v - 0.3), v)").names == {"n", "v"}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (
            "ANOMALY_DETECTION_BAND(m1, 2)",
            "ANOMALY_DETECTION_BAND of 2 is not served by the local CloudWatch",
        ),
        ("METRICS()", "'\\)' is not expected"),
        ("FILL(m1, REPEAT)", "'REPEAT' is not expected"),
        ("SEARCH('x', 'y')", "\"'x', 'y'\\)\" is not understood"),
        ("m1 +", "'' is not expected"),
        ("(m1", "'\\)' is missing"),
        ("m1 m2", "'m2' is not expected"),
        ("IF(m1, 2)", "IF of 2 is not served"),
        ("Upper", "'Upper' is not expected"),
        ("__import__('os')", "is not understood"),
        ("(" * 60 + "1" + ")" * 60, "nested too deeply"),
        ("1" + " + 1" * 200, "more than 200 parts"),
    ],
)
def test_what_is_not_served_is_refused_by_name(text: str, why: str) -> None:
    with pytest.raises(AwsError, match=why) as refused:
        parse(text)
    assert refused.value.code == "ValidationError"
    assert refused.value.message.startswith(f"Error in expression {text!r}")
