from __future__ import annotations

import pytest

from local.codebuild.junit import JUnitError, read


def test_cases_are_read_with_their_outcomes() -> None:
    cases = read(
        b"""<?xml version="1.0"?><testsuites><testsuite name="s">
        <testcase classname="c" name="good" time="1.5"/>
        <testcase classname="c" name="bad"><failure message="m">trace</failure></testcase>
        <testcase classname="c" name="broken"><error>trace</error><system-out>x</system-out></testcase>
        <testcase classname="c" name="left"><skipped/></testcase>
        </testsuite><testsuite name="t"><testcase name="other"/></testsuite></testsuites>"""
    )
    assert [(c.suite, c.name, c.status, c.message) for c in cases] == [
        ("s", "good", "SUCCEEDED", ""),
        ("s", "bad", "FAILED", "m"),
        ("s", "broken", "ERROR", "trace"),
        ("s", "left", "SKIPPED", ""),
        ("t", "other", "SUCCEEDED", ""),
    ]
    assert cases[0].nanoseconds == 1_500_000_000


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"no xml", "not JUnit's XML"),
        (b"<coverage/>", "its root is 'coverage'"),
        (b"<testsuite><testcase name='a' time='long'/></testsuite>", "not JUnit's XML"),
        (b'<!DOCTYPE a [<!ENTITY x "y">]><testsuite name="&x;"/>', "document type declaration"),
        (b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><testsuite/>', "document type declaration"),
    ],
)
def test_what_is_no_report_is_refused(content: bytes, said: str) -> None:
    with pytest.raises(JUnitError, match=said):
        read(content)
