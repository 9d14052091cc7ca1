"""The comparisons of EventBridge, each as its documentation describes it."""

from __future__ import annotations

from typing import Any

import pytest

from checks.event_patterns import matches, refusals

EVENT: dict[str, Any] = {
    "source": "aws.s3",
    "resources": ["arn:aws:s3:::bucket", "arn:aws:s3:::other"],
    "detail": {
        "key": "images/tags/One.JPG",
        "size": 300,
        "empty": "",
        "nothing": None,
        "flag": True,
        "address": "10.0.0.7",
        "artifacts": [{"name": "a", "n": 1}, {"name": "b", "n": 2}],
    },
}


def in_detail(key: str, *conditions: Any) -> dict[str, Any]:
    return {"detail": {key: list(conditions)}}


@pytest.mark.parametrize(
    "pattern",
    [
        {"source": ["aws.s3"]},
        {"resources": ["arn:aws:s3:::other"]},
        in_detail("key", "no", "images/tags/One.JPG"),
        in_detail("size", 300.0),
        in_detail("empty", ""),
        in_detail("nothing", None),
        in_detail("flag", True),
        in_detail("key", {"prefix": "images/"}),
        in_detail("key", {"prefix": {"equals-ignore-case": "IMAGES/"}}),
        in_detail("key", {"suffix": ".JPG"}),
        in_detail("key", {"suffix": {"equals-ignore-case": ".jpg"}}),
        in_detail("key", {"equals-ignore-case": "IMAGES/tags/one.jpg"}),
        in_detail("key", {"wildcard": "images/*/One.*"}),
        in_detail("key", {"anything-but": "other"}),
        in_detail("key", {"anything-but": ["a", "b"]}),
        in_detail("key", {"anything-but": {"prefix": "labels/"}}),
        in_detail("key", {"anything-but": {"suffix": [".png", ".gif"]}}),
        in_detail("key", {"anything-but": {"wildcard": "*/lib/*"}}),
        in_detail("size", {"anything-but": 301}),
        in_detail("size", {"numeric": ["=", 300]}),
        in_detail("size", {"numeric": [">", 0, "<=", 300]}),
        in_detail("address", {"cidr": "10.0.0.0/24"}),
        in_detail("key", {"exists": True}),
        in_detail("none", {"exists": False}),
        {"nowhere": {"deep": [{"exists": False}]}},
        {"detail": {"artifacts": {"name": ["b"], "n": [2]}}},
        {"$or": [{"source": ["aws.ec2"]}, {"source": ["aws.s3"]}]},
        {"detail": {"size": [300], "$or": [{"key": ["no"]}, {"flag": [True]}]}},
    ],
    ids=str,
)
def test_matches(pattern: dict[str, Any]) -> None:
    assert list(refusals(pattern)) == []
    assert matches(pattern, EVENT)


@pytest.mark.parametrize(
    "pattern",
    [
        {"source": ["aws.S3"]},
        {"source": ["aws.s3"], "detail": {"size": [301]}},
        in_detail("flag", 1),
        in_detail("size", "300"),
        in_detail("none", None),
        in_detail("none", {"anything-but": "x"}),
        in_detail("key", {"prefix": "tags/"}),
        in_detail("key", {"suffix": ".jpg"}),
        in_detail("size", {"prefix": "3"}),
        in_detail("key", {"wildcard": "images/*.jpg"}),
        in_detail("key", {"wildcard": "images\\*"}),
        in_detail("key", {"anything-but": {"prefix": ["labels/", "images/"]}}),
        in_detail("key", {"anything-but": {"equals-ignore-case": "images/tags/one.jpg"}}),
        in_detail("size", {"anything-but": [300, 1]}),
        in_detail("size", {"numeric": [">", 300]}),
        in_detail("flag", {"numeric": ["=", 1]}),
        in_detail("address", {"cidr": "10.0.1.0/24"}),
        in_detail("key", {"cidr": "10.0.1.0/24"}),
        in_detail("key", {"exists": False}),
        {"detail": [{"exists": True}]},
        {"detail": {"artifacts": {"name": ["a"], "n": [2]}}},
        {"$or": [{"source": ["aws.ec2"]}, {"detail": {"size": [1]}}]},
    ],
    ids=str,
)
def test_does_not_match(pattern: dict[str, Any]) -> None:
    assert list(refusals(pattern)) == []
    assert not matches(pattern, EVENT)


def test_a_wildcard_escapes_with_a_backslash() -> None:
    assert matches({"key": [{"wildcard": "a\\*b\\\\*"}]}, {"key": "a*b\\c"})
    assert not matches({"key": [{"wildcard": "a\\*b"}]}, {"key": "axb"})


@pytest.mark.parametrize(
    ("pattern", "says"),
    [
        ({}, "not a mapping"),
        ({"source": "aws.s3"}, "needs a list"),
        ({"source": []}, "needs a list"),
        ({"detail": {}}, "not a mapping"),
        ({"source": [["aws.s3"]]}, "list in a list"),
        ({"source": [{"begins": "a"}]}, "no comparison 'begins'"),
        ({"source": [{"prefix": "a", "suffix": "b"}]}, "not one condition"),
        ({"source": [{"prefix": 3}]}, "prefix does not take"),
        ({"source": [{"exists": "yes"}]}, "exists takes true or false"),
        ({"source": [{"numeric": [">", "3"]}]}, "numeric does not take"),
        ({"source": [{"numeric": ["=>", 3]}]}, "numeric does not take"),
        ({"source": [{"cidr": "10.0.0/24"}]}, "cidr does not take"),
        ({"source": [{"wildcard": "a**b"}]}, "wildcard does not take"),
        ({"source": [{"anything-but": []}]}, "anything-but does not take"),
        ({"source": [{"anything-but": ["a", 1]}]}, "anything-but does not take"),
        ({"source": [{"anything-but": {"numeric": ["=", 1]}}]}, "anything-but does not take"),
        ({"$or": [{"source": ["a"]}]}, "at least two"),
    ],
    ids=str,
)
def test_what_eventbridge_would_refuse_is_named(pattern: dict[str, Any], says: str) -> None:
    ((_, wrong),) = refusals(pattern)
    assert says in wrong
