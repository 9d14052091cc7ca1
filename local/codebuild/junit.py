"""Test results in the form of JUnit's XML."""

from __future__ import annotations

from dataclasses import dataclass
from xml.parsers import expat

_OUTCOMES = {"failure": "FAILED", "error": "ERROR", "skipped": "SKIPPED"}
_LONGEST_MESSAGE = 2000


class JUnitError(Exception):
    """The file is not JUnit's XML; says why."""


@dataclass
class Case:
    """One test; `status` is SUCCEEDED, FAILED, ERROR or SKIPPED."""

    suite: str
    prefix: str
    name: str
    nanoseconds: int
    status: str = "SUCCEEDED"
    message: str = ""


def read(content: bytes) -> list[Case]:
    """Return the tests of a file in their order; raises JUnitError.

    A document type declaration is refused: with one, a small file can take all memory or read other files.
    """
    reader = _Reader()
    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = _refuse_doctype
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    try:
        parser.Parse(content, True)
    except (expat.ExpatError, ValueError) as error:
        raise JUnitError(f"not JUnit's XML: {error}") from error
    return reader.cases


class _Reader:
    def __init__(self) -> None:
        self.cases: list[Case] = []
        self._suites: list[str] = []
        self._case: Case | None = None
        self._text: list[str] | None = None
        self._root = True

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        if self._root and tag not in ("testsuites", "testsuite"):
            raise ValueError(f"its root is {tag!r}")
        self._root = False
        if tag == "testsuite":
            self._suites.append(attributes.get("name", ""))
        elif tag == "testcase":
            suite = self._suites[-1] if self._suites else ""
            name, prefix = attributes.get("name", ""), attributes.get("classname", "")
            self._case = Case(suite, prefix, name, _nanoseconds(attributes.get("time", "")))
            self.cases.append(self._case)
        elif tag in _OUTCOMES and self._case is not None:
            self._case.status = _OUTCOMES[tag]
            self._case.message = attributes.get("message", "")[:_LONGEST_MESSAGE]
            self._text = []

    def end(self, tag: str) -> None:
        if tag == "testsuite":
            self._suites.pop()
        elif tag == "testcase":
            self._case = None
        elif tag in _OUTCOMES and self._case is not None and self._text is not None:
            self._case.message = self._case.message or "".join(self._text).strip()[:_LONGEST_MESSAGE]
            self._text = None

    def text(self, data: str) -> None:
        if self._text is not None:
            self._text.append(data)


def _nanoseconds(seconds: str) -> int:
    return int(float(seconds.replace(",", "") or 0) * 1_000_000_000)


def _refuse_doctype(*_: object) -> None:
    raise ValueError("it has a document type declaration")
