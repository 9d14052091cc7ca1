import json
from typing import Any

import pytest

from lambdas.common.proxied import MAX_BODY_BYTES, Refused, body_of
from lambdas.labeling.proxied import answer
from lambdas.labeling.transactions import Contended


def refusal(body: str | None, *fields: str) -> tuple[int, str]:
    with pytest.raises(Refused) as refused:
        body_of({"body": body}, *fields)
    return refused.value.status, str(refused.value)


@pytest.mark.parametrize(
    "body",
    ["{", "nul", "[" * 100_000, '{"a": NaN}', '{"a": -Infinity}', '{"a": 1e', '{"a":' * 5_000, "\ud800"],
)
def test_a_body_that_is_not_json_is_refused(body: str) -> None:
    assert refusal(body, "a") == (400, "the body is not JSON")


@pytest.mark.parametrize("body", ["[]", "null", "7", '"label"'])
def test_a_body_that_is_no_object_is_refused(body: str) -> None:
    assert refusal(body) == (400, "the body is not a JSON object")


def test_json_that_is_deeper_than_anybody_draws_is_refused() -> None:
    assert refusal('{"a":' + "[" * 50 + "]" * 50 + "}", "a") == (
        400,
        "the body is nested deeper than 12 levels",
    )


@pytest.mark.parametrize("body", [r'{"a": "\ud800"}', r'{"a": [{"\udc00": 1}]}'])
def test_half_a_character_is_refused(body: str) -> None:
    assert refusal(body, "a") == (400, "the body has half a character: a surrogate without its pair")


def test_a_number_of_thousands_of_digits_is_refused() -> None:
    assert refusal('{"a": ' + "9" * 5000 + "}", "a") == (400, "the body is not JSON")


@pytest.mark.parametrize("letter", ["x", "ä", "\U0001f3f7"])
def test_a_body_is_measured_in_bytes(letter: str) -> None:
    fits = MAX_BODY_BYTES - len('{"a": ""}')
    text = letter * (fits // len(letter.encode()))
    assert body_of({"body": f'{{"a": "{text}"}}'}, "a") == {"a": text}
    assert refusal(f'{{"a": "{text}xxxx"}}', "a")[0] == 413


def test_an_unknown_field_is_named() -> None:
    assert refusal('{"kind": 1, "x": 2}', "kind", "limit") == (
        400, "x: unknown; the fields here are: kind, limit",
    )  # fmt: skip
    assert refusal('{"x": 2}') == (400, "x: unknown; the fields here are: none")


@pytest.mark.parametrize("body", [None, "", "{}"])
def test_no_body_is_an_empty_one(body: str | None) -> None:
    assert body_of({"body": body}) == {}


def test_a_refusal_and_a_crowd_are_answered_as_such() -> None:
    def refused() -> dict[str, Any]:
        raise Refused(409, "closed")

    def crowded() -> dict[str, Any]:
        raise Contended("table")

    assert (answer(refused)["statusCode"], json.loads(answer(refused)["body"])) == (
        409,
        {"message": "closed"},
    )
    assert answer(crowded)["statusCode"] == 503
    assert answer(lambda: {"a": 1})["body"] == '{"a": 1}'
