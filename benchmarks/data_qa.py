"""How many pictures a second the data's check does, how that grows, and its memory up to a million.

python benchmarks/data_qa.py         Linux; in the environment of `make test`

Speed: drawn JPEGs of 224 pixels a side and 14 to 20 KB, from files and from a stand-in for S3
(benchmarks/data_qa_store.py, a process of its own on the same processors), through all of `check_data`:
listing, reading, hashing, whole decoding, near-duplicates, writing. The reference is a plain loop in one
thread on the same files in the same run: Pillow decodes, hashlib hashes.

Memory: generated records. The listing counts numbers, and what would fetch a picture encodes a small one by
its number (benchmarks/data_qa_pictures.py); all else is the code of the job. Peak memory is the main
process's and that of each worker added up, which counts what they share several times.

CPU seconds are of all processes but the stand-in, the start of the workers included, imports of the main
process not. Wall time is what this machine gave.
"""

import hashlib
import io
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
STORE = Path(__file__).with_name("data_qa_store.py")
sys.path.insert(1, str(ROOT))
sys.path.insert(2, str(Path(__file__).parent))

from data_qa_pictures import CLASSES, class_of, photograph, thumbnail  # noqa: E402
from PIL import Image  # noqa: E402

from pipeline_defs.classification.data_check import check_data  # noqa: E402
from pipeline_defs.classification.examination import DOWNLOADS, Examination, read_object, s3_client  # noqa: E402
from pipeline_defs.classification.listing import Ignored, Listed, Listing  # noqa: E402
from pipeline_defs.classification.settings import ClassificationSettings  # noqa: E402
from pipeline_defs.common.batches import in_batches, processors  # noqa: E402
from pipeline_defs.common.objects import Fetched  # noqa: E402

SIZES = (1_000, 4_000, 16_000)
LISTED = (10_000, 100_000, 1_000_000)
MOST_MEMORY_MB = 512.0
GOAL = 1_000  # pictures a second on two processors
PROCESSES = min(2, processors())
SETTINGS = ClassificationSettings(
    name="benchmark", tree="benchmark", labels={name: (name,) for name in CLASSES}, source="benchmark/"
)


def main(arguments: list[str]) -> None:
    """Print two tables; exit with 1 if there is too much memory, or too few pictures a second."""
    if arguments:
        print(json.dumps(measure(*arguments)))
        return
    print(f"{PROCESSES} processes; load of the machine before: {os.getloadavg()[0]:.1f}")
    print("                               pictures  wall s   CPU s  a second  ms CPU each  MB peak")
    rates = []
    with tempfile.TemporaryDirectory() as temporary:
        for size in SIZES:
            folder = Path(temporary) / str(size)
            draw(folder, size)
            show("reference: one thread", size, measured("reference", size, str(folder)))
            found = measured("files", size, str(folder))
            show("check_data, files", size, found)
            rates.append(found["rate"])
        with serving(folder) as url:
            show("check_data, S3 stand-in", size, measured("s3", size, url))
    exceeded = False
    for size in LISTED:
        found = measured("generated", size, "")
        show("check_data, generated", size, found)
        exceeded |= found["memory"] > MOST_MEMORY_MB
    print(f"goal of {GOAL} a second: {'reached' if rates[-1] >= GOAL else 'missed'}, {rates[-1]:.0f}")
    if exceeded:
        sys.exit(f"more than {MOST_MEMORY_MB:.0f} MB")


def show(what: str, size: int, found: dict[str, Any]) -> None:
    print(
        f"{what:26} {size:12,} {found['wall']:7.1f} {found['cpu']:7.1f} {found['rate']:9.0f} "
        f"{found['cpu'] / size * 1000:12.2f} {found['memory']:8.0f}",
        flush=True,
    )


def draw(folder: Path, size: int) -> None:
    for name in CLASSES:
        (folder / name).mkdir(parents=True)
    for _ in in_batches(range(size), Drawn(folder), processes=processors()):
        pass


@dataclass(frozen=True)
class Drawn:
    folder: Path

    def __call__(self, batch: list[int]) -> None:
        for number in batch:
            (self.folder / class_of(number) / f"{number}.jpg").write_bytes(photograph(number))


def measured(what: str, size: int, source: str) -> dict[str, Any]:
    """Measure in a fresh process."""
    environment = {
        **os.environ, "AWS_ACCESS_KEY_ID": "benchmark", "AWS_SECRET_ACCESS_KEY": "benchmark",
        "AWS_DEFAULT_REGION": "eu-west-1", "AWS_EC2_METADATA_DISABLED": "true",
    }  # fmt: skip
    if what == "s3":
        environment["AWS_ENDPOINT_URL_S3"] = source
    command = [sys.executable, __file__, what, str(size), source]
    done = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return {**found, "rate": size / found["wall"]}


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    command = [sys.executable, str(STORE), str(folder)]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        yield f"http://127.0.0.1:{int(server.stdout.readline())}"
    finally:
        server.kill()
        server.wait()


def measure(what: str, size: str, source: str) -> dict[str, float]:
    """Do it, check it, and return what it cost."""
    began, spent = time.monotonic(), time.process_time()
    if what == "reference":
        reference(Path(source))
    else:
        check(what, int(size), source)
    own, children = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return {
        "wall": time.monotonic() - began,
        "cpu": time.process_time() - spent + children.ru_utime + children.ru_stime,
        "memory": (own.ru_maxrss + PROCESSES * children.ru_maxrss) / 1024,
    }


def reference(folder: Path) -> None:
    """What a person would write first."""
    for path in folder.rglob("*.jpg"):
        content = path.read_bytes()
        with Image.open(io.BytesIO(content)) as image:
            image.load()
        hashlib.sha256(content).hexdigest()


def check(what: str, size: int, source: str) -> None:
    if what == "generated":
        listing: Listing = Generated(size)
        examination, bad = Examination(SETTINGS.quality, read_generated, 1), 2 * (size // 100)
    elif what == "s3":
        listing, bad = Listing("s3://bucket/images/", CLASSES, s3_client()), 0
        examination = Examination(SETTINGS.quality, read_object, DOWNLOADS)
    else:
        listing, bad = Listing(source, CLASSES, None), 0
        examination = Examination(SETTINGS.quality, read_object, 1)
    with tempfile.TemporaryDirectory() as output:
        result = check_data(
            SETTINGS, listing, examination, Path(output), as_of="2026-11-21T12:00:00Z", processes=PROCESSES
        )
    assert (result.kept, result.quarantined) == (size - bad, bad), result


class Generated(Listing):
    """As many pictures as it is told, in no bucket."""

    def __init__(self, size: int) -> None:
        super().__init__("generated", CLASSES, None)
        self._size = size

    def __iter__(self) -> Iterator[Listed]:
        self.ignored = Ignored()
        for number in range(self._size):
            class_name = class_of(number)
            yield Listed(f"s3://bucket/images/{class_name}/picture-{number:09}.jpg", class_name, "v1")


def read_generated(listed: Listed, max_bytes: int) -> Fetched:
    number = int(listed.uri.rpartition("-")[2].removesuffix(".jpg"))
    return Fetched(thumbnail(number), listed.version_id)


if __name__ == "__main__":
    main(sys.argv[1:])
