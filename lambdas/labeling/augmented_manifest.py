"""Reads augmented manifests, line by line: what Ground Truth documents, and what real files hold besides.

Class ids as numbers or text, dates in many forms, boxes in fractions or as text, a byte-order mark or
zero-width characters in a reference, lines ended by CR LF, lines without a label, labels that failed. What
cannot be read is a `BadLine` for the line, or the `problem` of one label; the rest is read.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from lambdas.labeling.manifest_labels import INVISIBLE, BadLine, Label, labels_of

_OBJECT_ID = "dataset-objectid-attribute-name"
_COMMA_TOO_MANY = re.compile(r'("(?:[^"\\]|\\.)*")|,(?=\s*[}\]])')


@dataclass(frozen=True)
class Line:
    """One line: its picture as written but for what nobody sees ("" if it names none), and its labels."""

    number: int
    reference: str
    labels: tuple[Label, ...]
    object_id: str
    fields: Mapping[str, Any]

    def newest(self, kind: str) -> Label | None:
        """The latest readable label of a kind that did not fail; of equal dates, the last on the line."""
        found = [label for label in self.labels if label.kind == kind and not label.failure]
        return max(reversed(found), key=lambda label: label.made) if found else None


def read(text: str) -> Iterator[Line | tuple[int, BadLine]]:
    """Read a manifest's text; a line that cannot be read comes as its number and the reason.

    One JSON document over several lines, as documents show a line, is a line, or a list of them.
    """
    # Not splitlines: a file name may hold a character that it would take for the end of a line.
    written = [pair for pair in enumerate(text.split("\n"), start=1) if pair[1].translate(INVISIBLE).strip()]
    if written and written[0][1].translate(INVISIBLE).strip() in ("{", "["):
        try:
            document = _parse(text)
        except (ValueError, RecursionError) as error:
            yield written[0][0], BadLine(f"not JSON: {error}")
            return
        documents = document if isinstance(document, list) else [document]
        written = [(number, json.dumps(each)) for number, each in enumerate(documents, start=1)]
    for number, line in written:
        try:
            yield read_line(number, line)
        except BadLine as error:
            yield number, error


def read_line(number: int, text: str) -> Line:
    """Read one line; raises BadLine."""
    try:
        fields = _parse(text)
    except (ValueError, RecursionError) as error:
        raise BadLine("not a line of JSON") from error
    if not isinstance(fields, dict):
        raise BadLine("not a JSON object")
    reference = fields.get("source-ref")
    named = fields.get(str(fields.get(_OBJECT_ID)), "")
    return Line(
        number=number,
        reference=reference.translate(INVISIBLE).strip() if isinstance(reference, str) else "",
        labels=tuple(labels_of(fields)),
        object_id=named if isinstance(named, str) else str(named),
        fields=fields,
    )


def _parse(text: str) -> Any:
    """Read JSON, with a comma too many before a bracket, too, as documented examples have it."""
    text = text.lstrip("\ufeff\u200b")
    try:
        return json.loads(text)
    except ValueError:
        return json.loads(_COMMA_TOO_MANY.sub(lambda found: found[1] or "", text))
