"""RecordIO as MXNet 1.9.1 writes it: the files in golden/ were made by MXNet itself, see golden/make.py."""

import json
import multiprocessing
import pickle
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline_defs.classification.record_format import (
    LARGEST,
    MAGIC,
    BadRecords,
    Record,
    frame,
    pack,
    unframe,
    unpack,
)
from pipeline_defs.classification.recordio import RecordReader, RecordWriter, index_of

GOLDEN = Path(__file__).parent / "golden"
CASES: dict[str, list[Any]] = json.loads((GOLDEN / "cases.json").read_text())

pieces = st.lists(st.one_of(st.just(MAGIC), st.binary(max_size=9), st.just(MAGIC[:3])), max_size=12)
contents = pieces.map(b"".join)


def records() -> list[tuple[int, Record]]:
    return [
        (
            case["key"],
            Record(
                tuple(case["label"]) if isinstance(case["label"], list) else case["label"],
                case["id"],
                bytes.fromhex(case["payload"]),
            ),
        )
        for case in CASES["labelled"]
    ]


def write(path: Path, count: int = 20) -> Path:
    with RecordWriter(path) as writer:
        for number in range(count):
            writer.write(number, Record(float(number % 3), number, bytes([number]) * number))
    return path


def assert_same_files(written: Path, golden: Path) -> None:
    assert written.read_bytes() == golden.read_bytes()
    assert index_of(written).read_bytes() == index_of(golden).read_bytes()


def test_labelled_records_are_byte_for_byte_mxnets(tmp_path: Path) -> None:
    with RecordWriter(tmp_path / "mine.rec") as writer:
        for key, record in records():
            writer.write(key, record)
    assert_same_files(tmp_path / "mine.rec", GOLDEN / "labelled.rec")


def test_content_of_every_length_is_framed_byte_for_byte_as_mxnet_does(tmp_path: Path) -> None:
    with RecordWriter(tmp_path / "mine.rec") as writer:
        for key, content in enumerate(CASES["framed"]):
            writer.copy(key, frame(bytes.fromhex(content)))
    assert_same_files(tmp_path / "mine.rec", GOLDEN / "framed.rec")


def test_mxnets_records_are_read_as_they_were_given_to_it() -> None:
    reader = RecordReader(GOLDEN / "labelled.rec")
    given = records()
    assert list(reader.keys) == [key for key, _ in given]
    for position, (_, record) in enumerate(given):
        found = reader.read(position)
        assert (found.id, found.payload) == (record.id, record.payload)
        expected = record.label or 0.0  # MXNet, too, keeps a label of no numbers as 0
        np.testing.assert_array_equal(np.float32(found.label), np.float32(expected))


def test_the_golden_files_hold_what_is_hard() -> None:
    """Else the comparisons above would prove little."""
    payloads = [record.payload for _, record in records()]
    assert b"" in payloads
    assert any(payload.count(MAGIC) >= 3 for payload in payloads)
    assert any(record.id > 2**32 for _, record in records())
    assert any(isinstance(record.label, tuple) and len(record.label) > 1 for _, record in records())
    assert (GOLDEN / "labelled.rec").read_bytes().count(MAGIC) > len(payloads)


@settings(deadline=None)
@given(contents)
def test_what_is_framed_is_found_again(content: bytes) -> None:
    framed = frame(content)
    assert len(framed) % 4 == 0
    assert unframe(framed, "here") == content


@settings(deadline=None)
@given(contents)
def test_the_magic_number_stands_at_aligned_places_only_where_a_part_begins(content: bytes) -> None:
    framed = frame(content)
    found = sum(framed[at : at + 4] == MAGIC for at in range(0, len(framed), 4))
    assert found == 1 + sum(content[at : at + 4] == MAGIC for at in range(0, len(content), 4))


@settings(deadline=None)
@given(
    st.one_of(
        st.floats(width=32, allow_nan=False), st.lists(st.floats(width=32, allow_nan=False), min_size=1)
    ),
    st.integers(0, 2**64 - 1),
    st.binary(),
)
def test_what_is_packed_is_found_again(label: float | list[float], identifier: int, payload: bytes) -> None:
    record = Record(tuple(label) if isinstance(label, list) else label, identifier, payload)
    assert unpack(pack(record), "here") == record


@settings(deadline=None)
@given(contents, st.data())
def test_a_record_that_is_cut_off_anywhere_is_refused(content: bytes, data: st.DataObject) -> None:
    framed = frame(pack(Record(0.0, 0, content)))
    cut = data.draw(st.integers(0, len(framed) - 1))
    with pytest.raises(BadRecords, match=r"^a\.rec"):
        unframe(framed[:cut], "a.rec")


def test_records_are_read_in_any_order(tmp_path: Path) -> None:
    reader = RecordReader(write(tmp_path / "a.rec"))
    assert len(reader) == 20
    assert [reader.read(position).id for position in (19, 0, 7)] == [19, 0, 7]
    assert [record.id for record in reader] == list(range(20))
    with pytest.raises(IndexError, match="no record 20 among 20"):
        reader.read(20)


def test_an_index_in_another_order_finds_the_same_records(tmp_path: Path) -> None:
    path = write(tmp_path / "a.rec")
    lines = index_of(path).read_text().splitlines(keepends=True)
    index_of(path).write_text("".join(reversed(lines)))
    assert [record.id for record in RecordReader(path)] == list(reversed(range(20)))


def test_a_record_is_copied_as_it_lies(tmp_path: Path) -> None:
    reader = RecordReader(GOLDEN / "labelled.rec")
    with RecordWriter(tmp_path / "copy.rec") as writer:
        for position, key in enumerate(reader.keys):
            writer.copy(int(key), reader.framed(position))
    assert_same_files(tmp_path / "copy.rec", GOLDEN / "labelled.rec")


def test_a_file_without_records_is_read_as_such(tmp_path: Path) -> None:
    assert len(RecordReader(write(tmp_path / "a.rec", 0))) == 0


def test_threads_share_a_reader(tmp_path: Path) -> None:
    reader = RecordReader(write(tmp_path / "a.rec", 200))
    positions = list(range(200)) * 20
    with ThreadPoolExecutor(4) as pool:
        assert [record.id for record in pool.map(reader.read, positions)] == positions


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_processes_share_a_reader(tmp_path: Path, method: str) -> None:
    reader = RecordReader(write(tmp_path / "a.rec", 200))
    context = multiprocessing.get_context(method)
    positions = list(range(200))
    with ProcessPoolExecutor(2, context) as pool:
        assert [record.id for record in pool.map(reader.read, positions, chunksize=20)] == positions
    assert pickle.loads(pickle.dumps(reader)).read(3) == reader.read(3)  # noqa: S301


def test_a_file_that_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(BadRecords, match=r"none\.rec: cannot be read \(No such file"):
        RecordReader(tmp_path / "none.rec")
    index_of(write(tmp_path / "a.rec")).unlink()
    with pytest.raises(BadRecords, match=r"a\.idx: cannot be read \(No such file"):
        RecordReader(tmp_path / "a.rec")


@pytest.mark.parametrize("left", [0, 100, -1, -20])
def test_records_that_are_cut_off_are_refused_when_opened(tmp_path: Path, left: int) -> None:
    path = write(tmp_path / "a.rec")
    path.write_bytes(path.read_bytes()[:left])
    with pytest.raises(BadRecords, match=r"a\.rec"):
        RecordReader(path)


@pytest.mark.parametrize("left", [0, 30, -1, -7])
def test_an_index_that_is_cut_off_is_refused_when_opened(tmp_path: Path, left: int) -> None:
    index = index_of(write(tmp_path / "a.rec"))
    index.write_bytes(index.read_bytes()[:left])
    with pytest.raises(BadRecords, match=r"a\.(rec|idx)"):
        RecordReader(tmp_path / "a.rec")


@pytest.mark.parametrize(
    "text", ["zero\t0\n", "0\t0\t0\n", "0\t" + "9" * 30 + "\n", "0\t4\n", "0\t0\n1\t0\n"]
)
def test_an_index_of_something_else_is_refused(tmp_path: Path, text: str) -> None:
    index_of(write(tmp_path / "a.rec")).write_text(text)
    with pytest.raises(BadRecords, match=r"a\.(rec|idx)"):
        RecordReader(tmp_path / "a.rec")


def test_bytes_that_are_no_records_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "a.rec", 1)
    path.write_bytes(b"\x89PNG" * 20)
    with pytest.raises(BadRecords, match="record 0 at byte 0: no record begins here"):
        RecordReader(path)


def test_a_damaged_record_is_named_when_it_is_read(tmp_path: Path) -> None:
    path = write(tmp_path / "a.rec", 5)
    content = bytearray(path.read_bytes())
    content[33:36] = b"???"
    path.write_bytes(content)
    with pytest.raises(BadRecords, match=r"a\.rec: record 1 at byte 32: no record begins here"):
        RecordReader(path).read(1)


def test_more_than_recordio_takes_is_refused() -> None:
    class Endless(bytes):
        def __len__(self) -> int:
            return LARGEST + 1

    with pytest.raises(BadRecords, match="536870912 bytes: RecordIO takes up to 536870911"):
        frame(Endless())
