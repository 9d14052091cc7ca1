from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from local.cloud.errors import AwsError
from local.sagemaker.tuning.ranges import Category, Number, read_ranges


def _number(kind: str, low: str, high: str, scaling: str = "Auto") -> Number:
    item = {"Name": "x", "MinValue": low, "MaxValue": high, "ScalingType": scaling}
    (made,) = read_ranges({f"{kind}ParameterRanges": [item]})
    assert isinstance(made, Number)
    return made


@pytest.mark.parametrize(
    ("scaling", "low", "high", "middle"),
    [
        ("Linear", "0.0", "1.0", 0.5),
        ("Logarithmic", "0.0001", "0.01", 0.001),
        ("ReverseLogarithmic", "0.9", "0.999", 0.99),
        ("Auto", "0.0001", "0.01", 0.001),
        ("Auto", "0.001", "0.01", 0.0055),
    ],
)
def test_the_middle_of_a_range_is_where_its_scale_puts_it(
    scaling: str, low: str, high: str, middle: float
) -> None:
    number = _number("Continuous", low, high, scaling)
    assert float(number.text(0.5)) == pytest.approx(middle)
    assert [number.text(unit) for unit in (0.0, 1.0)] == [low, high]
    assert number.unit(number.text(0.3)) == pytest.approx(0.3)


@pytest.mark.parametrize("scaling", ["Linear", "Logarithmic", "ReverseLogarithmic"])
def test_no_value_is_outside_of_its_range_by_rounding(scaling: str) -> None:
    number = _number("Continuous", "0.1", "0.7", scaling)
    values = [float(number.text(step / 997)) for step in range(998)]
    assert (min(values), max(values)) == pytest.approx((0.1, 0.7))
    assert all(0.1 <= value <= 0.7 for value in values)
    assert values == sorted(values)


def test_whole_numbers_are_as_likely_at_the_ends_as_between() -> None:
    number = _number("Integer", "16", "19")
    counts = Counter(number.text(step / 4000) for step in range(4000))
    assert set(counts) == {"16", "17", "18", "19"}
    assert max(counts.values()) - min(counts.values()) <= 2
    assert _number("Integer", "1", "1000", "Logarithmic").text(0.0) == "1"
    assert _number("Integer", "1", "1000", "Logarithmic").text(1.0) == "1000"


def test_categories_are_given_as_they_were_written() -> None:
    item = {"Name": "optimizer", "Values": ['"sgd"', '"adam"']}
    (category,) = read_ranges({"CategoricalParameterRanges": [item]})
    assert isinstance(category, Category)
    assert [category.text(unit) for unit in (0.0, 0.49, 0.5, 1.0)] == ['"sgd"', '"sgd"', '"adam"', '"adam"']


def _ranges(**more: Any) -> dict[str, Any]:
    return {"ContinuousParameterRanges": [{"Name": "x", "MinValue": "0", "MaxValue": "1", **more}]}


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({}, "0 hyperparameters to tune"),
        (_ranges(MinValue="1"), "MinValue 1 is not below MaxValue 1"),
        (_ranges(MinValue="nan"), "is not below"),
        (_ranges(MinValue="low"), "an end that is no number"),
        (_ranges(ScalingType="Logarithmic"), "greater than 0 only"),
        (_ranges(ScalingType="ReverseLogarithmic"), "0 <= x < 1.0"),
        ({**_ranges(), "CategoricalParameterRanges": [{"Name": "x", "Values": ["a"]}]}, "more than one"),
        ({"CategoricalParameterRanges": [{"Name": "x", "Values": ["a", "a"]}]}, "there twice"),
        ({"IntegerParameterRanges": [{"Name": "x", "MinValue": "1.5", "MaxValue": "3"}]}, "no integer"),
        ({**_ranges(), "AutoParameters": [{"Name": "y", "ValueHint": "1"}]}, "AutoParameters"),
    ],
)
def test_a_range_that_leads_nowhere_is_refused(given: dict[str, Any], named: str) -> None:
    with pytest.raises(AwsError, match=named):
        read_ranges(given)
