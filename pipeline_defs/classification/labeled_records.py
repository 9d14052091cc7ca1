"""The records of a model in a folder: `.rec`, `.idx`, `.lst` as MXNet's im2rec leaves them, and the labels.

A record's id and key are its picture's place in images.jsonl; its label is the number of its class, of a
parent's too, which learns more from classes than from groups. The label map's file says what the numbers
are, and of which data set and for which input size the records are.
"""

import json
from pathlib import Path
from types import TracebackType
from typing import Self

from pipeline_defs.classification.dataset import Header
from pipeline_defs.classification.label_map import FILE, LabelMap
from pipeline_defs.classification.record_format import Record, frame, pack
from pipeline_defs.classification.recordio import RecordWriter

# What would end a column or a line of a .lst file; keys on S3 may have them.
_ESCAPED = {ord(sign): f"%{ord(sign):02X}" for sign in "\t\n\r"}


class LabeledRecords:
    """Writes the four files; `with` it, or close it."""

    def __init__(self, folder: Path, name: str, label_map: LabelMap, header: Header, input_size: int) -> None:
        self._records = RecordWriter(folder / f"{name}.rec")
        self._list = (folder / f"{name}.lst").open("w", encoding="utf-8", newline="")
        document = {
            **label_map.document(),
            "classes": list(label_map.classes),
            "dataset_sha256": header.sha256,
            "input_size": input_size,
        }
        text = json.dumps(document, indent=1, ensure_ascii=False) + "\n"
        (folder / FILE).write_text(text, encoding="utf-8")

    def write(self, place: int, number: int, payload: bytes, uri: str) -> None:
        """Append a picture's JPEG bytes."""
        self.copy(place, number, frame(pack(Record(number, place, payload))), uri)

    def copy(self, place: int, number: int, framed: bytes, uri: str) -> None:
        """Append a record as another file of records has it."""
        self._records.copy(place, framed)
        self._list.write(f"{place}\t{number:.6f}\t{uri.translate(_ESCAPED)}\n")

    def close(self) -> None:
        """Flush the files."""
        self._records.close()
        self._list.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
