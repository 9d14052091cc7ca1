"""How fast records are written and read, and what a split of many pictures takes.

python benchmarks/records.py [PICTURES [SPLIT ...]]        in the environment of `make test`

The reference for records is a plain tar file with the same payloads, by Python's own tarfile. A record is
found by its number, a member of a tar file by reading all before it: so both are read in order, and the
records also in any order; the best of three counts. Then each SPLIT, a number of pictures of tiny payloads,
goes through split_records in a process of its own.
"""

import hashlib
import io
import random
import re
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from pipeline_defs.classification.dataset import HEADER, IMAGES, VERSION, Image, file_sha256, parse_header
from pipeline_defs.classification.labeled_records import LabeledRecords
from pipeline_defs.classification.recordio import Record, RecordReader, RecordWriter
from pipeline_defs.classification.settings import ClassificationSettings, label_map, settings_json
from pipeline_defs.common.documents import canonical_sha256, write_json

_ROOT = Path(__file__).parents[1]
_REAL = 2000  # pictures that have a file
_CLASSES = tuple(f"class {number}" for number in range(100))
_SETTINGS = ClassificationSettings(
    "many", "many", {name: (name,) for name in _CLASSES}, "s3://pictures/many/"
)


def main(arguments: list[str]) -> None:
    """Measure, and print a line each."""
    pictures, *splits = [int(each) for each in arguments] or [20_000, 10_000, 1_000_000]
    with tempfile.TemporaryDirectory() as folder:
        _records(Path(folder), pictures)
    for count in splits:
        with tempfile.TemporaryDirectory() as folder:
            _split(Path(folder), count)


def _records(folder: Path, count: int) -> None:
    payloads = [random.Random(number).randbytes(15_000 + number % 10_000) for number in range(64)]  # noqa: S311

    def given() -> Iterator[bytes]:
        return (payloads[number % 64] for number in range(count))

    _tell("written as records", count, lambda: _write_records(folder / "all.rec", given()))
    _tell("written as tar", count, lambda: _write_tar(folder / "all.tar", given()))
    reader = RecordReader(folder / "all.rec")
    order = random.Random(6).sample(range(count), count)  # noqa: S311
    _tell(
        "read from records, in order", count, lambda: [reader.read(place).payload for place in range(count)]
    )
    _tell("read from records, in any order", count, lambda: [reader.read(place).payload for place in order])
    _tell("read from tar, in order", count, lambda: _read_tar(folder / "all.tar"))


def _write_records(path: Path, payloads: Iterator[bytes]) -> None:
    with RecordWriter(path) as writer:
        for number, payload in enumerate(payloads):
            writer.write(number, Record(1.0, number, payload))


def _write_tar(path: Path, payloads: Iterator[bytes]) -> None:
    with tarfile.open(path, "w") as tar:
        for number, payload in enumerate(payloads):
            member = tarfile.TarInfo(f"{number:09}.jpg")
            member.size = len(payload)
            tar.addfile(member, io.BytesIO(payload))


def _read_tar(path: Path) -> None:
    with tarfile.open(path) as tar:
        for member in tar:
            file = tar.extractfile(member)
            assert file is not None
            file.read()


def _tell(what: str, count: int, work: Callable[[], object]) -> None:
    seconds = []
    for _ in range(3):
        began = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - began)
    print(f"{what}: {count / min(seconds):,.0f} pictures/s", flush=True)


def _split(folder: Path, count: int) -> None:
    _prepare(folder, count)
    options = {
        "settings": folder / "settings.json", "dataset": folder / "dataset", "records": folder / "records",
        "split-file": folder / "split.bin", "seed": 7, "output-dir": folder / "out",
    }  # fmt: skip
    script = "pipeline_defs.classification.scripts.split_records"
    command = [sys.executable, "-m", script, *(f"--{name}={value}" for name, value in options.items())]
    for what in ("first", "again"):
        began = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-c", _PEAK, *command], cwd=_ROOT, capture_output=True, text=True, check=True
        )
        megabytes = int(re.findall(r"peak (\d+)", done.stdout)[0]) / 1024
        seconds = time.perf_counter() - began
        print(f"split of {count:,} pictures, {what}: {seconds:.1f} s, {megabytes:.0f} MB", flush=True)
    print(f"split.bin: {(folder / 'split.bin').stat().st_size:,} bytes", flush=True)


_PEAK = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True)
print("peak", resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


def _prepare(folder: Path, count: int) -> None:
    """What the jobs before leave: pictures of 100 classes, every fifth a near-duplicate of the one before."""
    for name in ("dataset", "pictures"):
        (folder / name).mkdir()
    for number in range(min(count, _REAL)):
        (folder / "pictures" / str(number)).write_bytes(_content(number))
    (folder / "settings.json").write_text(settings_json(_SETTINGS))
    order = sorted(range(count), key=_sha256)
    with (folder / "dataset" / IMAGES).open("wb") as lines:
        lines.writelines(_image(folder, number).line() for number in order)
    document = {
        "version": VERSION, "model": "many", "task": "classification", "as_of": "2026-11-21T12:00:00Z",
        "classes": list(_CLASSES), "labels": {name: [name] for name in _CLASSES},
        "images": {"file": IMAGES, "sha256": file_sha256(folder / "dataset" / IMAGES), "count": count},
        "quarantine": {}, "report": {},
    }  # fmt: skip
    write_json(folder / "dataset" / HEADER, {**document, "sha256": canonical_sha256(document)})
    header = parse_header((folder / "dataset" / HEADER).read_bytes(), HEADER)
    size = _SETTINGS.input_size
    with LabeledRecords(folder / "records", "all", label_map(_SETTINGS), header, size) as records:
        for place, number in enumerate(order):
            records.write(place, number % len(_CLASSES), b"\xff\xd8 tiny \xff\xd9", f"s3://many/{number}")


def _image(folder: Path, number: int) -> Image:
    """Only the first pictures are there; the others are said to be too large for a sample."""
    near = number - len(_CLASSES) if number // len(_CLASSES) % 5 == 4 else number
    of_class = _CLASSES[number % len(_CLASSES)]
    uri, size = (folder / "pictures" / str(number)).as_uri(), 9 if number < _REAL else 9_000_000
    return Image(
        uri, None, _sha256(number), size, "JPEG", 256, 256, of_class, of_class, "0" * 16, _sha256(near)
    )


def _content(number: int) -> bytes:
    return b"picture %d" % number


def _sha256(number: int) -> str:
    return hashlib.sha256(_content(number)).hexdigest()


if __name__ == "__main__":
    main(sys.argv[1:])
