"""Filter patterns of CloudWatch Logs."""

from __future__ import annotations

import pytest

from local.cloud.errors import AwsError
from local.monitoring.filter_pattern import parse_pattern

ANSWERS = '[..., tag="ANSWER", empty, score]'
SCORES = '[..., tag="ANSWER", empty=0, score]'
BEFORE = "2026-11-21T09:00:00,540 [INFO ] W-9000-model_1.0-stdout MODEL_LOG - "


@pytest.mark.parametrize("before", ["", BEFORE, "2018-10-14 16:59:59,926 [INFO ] W-9000-stdout a.b.C - "])
@pytest.mark.parametrize(
    ("line", "empty", "score"), [("ANSWER 1 -", "1", None), ("ANSWER 0 0.9321", "0", "0.9321")]
)
def test_an_answer_is_found_behind_what_the_model_server_writes_before_it(
    before: str, line: str, empty: str, score: str | None
) -> None:
    answer = parse_pattern(ANSWERS)(before + line)
    assert answer is not None
    assert answer("$empty") == empty
    scored = parse_pattern(SCORES)(before + line)
    assert (scored("$score") if scored else None) == score


@pytest.mark.parametrize(
    "line",
    [
        "ANSWER",
        "ANSWER 1",
        "ANSWER 1 - more",
        "answer 1 -",
        BEFORE + "an ANSWER of 0 1",
        "",
        "POST /ping 200 ANSWERS",
    ],
)
def test_another_line_is_no_answer(line: str) -> None:
    assert parse_pattern(ANSWERS)(line) is None


HTTP = '127.0.0.1 - frank [10/Oct/2000:13:25:15 -0700] "GET /index.html HTTP/1.0" 404 1534'


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("[ip, id, user, time, request, status, bytes]", True),
        ("[ip, id, user, time, request, status]", False),
        ("[ip, user, ...]", True),
        ("[..., bytes]", True),
        ("[ip, ..., status, bytes]", True),
        ("[ip, id, user, time, request, status = 4*, bytes]", True),
        ("[ip, id, user, time, request = *html*, status = 4*, bytes > 1000]", True),
        ("[..., status = 404, bytes]", True),
        ("[..., status != 404, bytes]", False),
        ("[..., status = 200 || status = 404, bytes]", True),
        ("[..., status > 400 && status < 404, bytes]", False),
        ("[..., bytes >= 1534]", True),
        ("[..., bytes < 1534]", False),
        ('[ip = "127.0.0.1", ...]', True),
        ("[ip = 127.0.*, ...]", True),
        ("[ip, id, user = bob, ...]", False),
        ("[,,user = frank, ...]", True),
    ],
)
def test_fields_between_spaces(pattern: str, found: bool) -> None:
    assert (parse_pattern(pattern)(HTTP) is not None) == found


def test_what_is_in_quotes_or_brackets_is_one_field() -> None:
    select = parse_pattern("[ip, id, user, time, request, status, bytes]")(HTTP)
    assert select is not None
    assert select("$time") == "10/Oct/2000:13:25:15 -0700"
    assert select("$request") == "GET /index.html HTTP/1.0"
    assert select("$other") is None


JSON = (
    '{"level": "ERROR", "bytes": 1534, "ok": true, "no": null, "user": {"name": "a[b]"}, "list": [{"id": 7}]}'
)


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ('{ $.level = "ERROR" }', True),
        ("{ $.level = ERR* }", True),
        ("{ $.level != ERROR }", False),
        ("{ $.bytes = 1534 }", True),
        ("{ $.bytes > 1000 && $.bytes <= 1534 }", True),
        ('{ ($.bytes < 10) || ($.level = "ERROR") }', True),
        ('{ ($.bytes < 10 || $.level = "ERROR") && $.ok IS FALSE }', False),
        ("{ $.ok IS TRUE }", True),
        ("{ $.no IS NULL }", True),
        ("{ $.missing IS NULL }", False),
        ("{ $.missing NOT EXISTS }", True),
        ("{ $.missing = * }", False),
        ("{ $.level = * }", True),
        ('{ $.user.name = "a[b]" }', True),
        ("{ $.list[0].id = 7 }", True),
        ("{ $.list[1].id = 7 }", False),
        ('{ $["level"] = "ERROR" }', True),
    ],
)
def test_json(pattern: str, found: bool) -> None:
    assert (parse_pattern(pattern)(JSON) is not None) == found


def test_json_gives_the_values_of_its_fields_and_other_text_does_not_match() -> None:
    match = parse_pattern("{ $.bytes > 0 }")
    select = match(JSON)
    assert select is not None
    assert (select("$.bytes"), select("$.user.name"), select("$.nothing")) == (1534, "a[b]", None)
    assert match("bytes 1534") is None
    assert match("17") is None


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("", True),
        ("ERROR", True),
        ("error", False),
        ("ERROR disk", True),
        ("ERROR -disk", False),
        ('"disk full"', True),
        ('"full disk"', False),
        ("?WARN ?ERROR", True),
        ("?WARN ?INFO", False),
    ],
)
def test_terms(pattern: str, found: bool) -> None:
    assert (parse_pattern(pattern)("[ERROR] the disk full of pictures") is not None) == found


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("%a+%", "no regular expressions"),
        ("[..., a = %4[0-9]%]", "no regular expressions"),
        ("{ $.a = %x% }", "no regular expressions"),
        ("[a, b", "\\] is missing"),
        ("[..., a, ...]", "\\.\\.\\. may stand once"),
        ("[a = ]", "is not understood"),
        ("[a = 1 || b = 2]", "is about several fields"),
        ("{ $.a = 1", "\\} is missing"),
        ("{ a = 1 }", "'a' is no selector"),
        ("{ $.a ~ 1 }", "after \\$.a is not understood"),
        ("{ ($.a = 1 }", "\\) is missing"),
        ('"open', "is not understood"),
    ],
)
def test_a_pattern_that_is_not_served_is_refused_by_name(pattern: str, why: str) -> None:
    with pytest.raises(AwsError, match=why) as refused:
        parse_pattern(pattern)
    assert refused.value.code == "InvalidParameterException"
