"""What it costs to choose the next round out of a million images, and to find what no event told of.

python benchmarks/labeling.py        Linux; in the environment of `make test`

The functions run as Lambda runs them, each in a process of its own, against a stand-in for DynamoDB and S3
(benchmarks/labeling_images.py) in another: boto3, its signatures, HTTP and the reading of the answers count,
the stand-in does not. Nine images in ten are labelled. CPU seconds and peak memory are of the whole process,
its start included.

The reference is how a published sample tells the images that have no label: `uri in labelled`, with a list.
"""

import json
import os
import random
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
STORE = Path(__file__).with_name("labeling_store.py")
sys.path.insert(1, str(ROOT))

import labeling_images as images  # noqa: E402

SIZES = (10_000, 100_000, 1_000_000)
REFERENCE_SIZE = 20_000
ROUND, LARGEST_ROUND = 200, 10_000
MOST_CPU_SECONDS, MOST_MEMORY_MB = 60.0, 256.0
_EXECUTION = "arn:aws:states:eu-west-1:111122223333:execution:edgeline-labeling:benchmark"


class Unhurried:
    """The context of an invocation that has all the time."""

    def get_remaining_time_in_millis(self) -> int:
        return 10**9


def main(arguments: list[str]) -> None:
    """Print a table; exit with 1 if a limit is exceeded."""
    if arguments:
        measure(*arguments)
        return
    exceeded, cpu = False, {}
    print("                                            images   CPU s   MB peak   result")
    for what, sizes in (("choose", SIZES), ("choose-largest", SIZES), ("reconcile", SIZES)):
        for size in sizes:
            found = measured(what, size)
            cpu[what, size] = found["cpu"]
            exceeded |= found["cpu"] > MOST_CPU_SECONDS or found["memory"] > MOST_MEMORY_MB
            show(what, size, found)
    grown = cpu["reconcile", SIZES[-1]] / cpu["reconcile", SIZES[-2]]
    print(f"reconcile at {SIZES[-1]:,} beside itself at {SIZES[-2]:,}: {grown:.1f} times")
    against_the_reference()
    if exceeded:
        sys.exit(f"more than {MOST_CPU_SECONDS:.0f} s of CPU or {MOST_MEMORY_MB:.0f} MB")


def against_the_reference() -> None:
    """Measure the reference and ours side by side, where the reference still ends soon."""
    half = measured("reference", REFERENCE_SIZE // 2)
    show("reference", REFERENCE_SIZE // 2, half)
    found = {what: measured(what, REFERENCE_SIZE) for what in ("reference", "choose", "reconcile")}
    for what, one in found.items():
        show(what, REFERENCE_SIZE, one)
    theirs = found["reference"]["cpu"]
    print(
        f"the reference at {REFERENCE_SIZE:,} beside itself at half of it: {theirs / half['cpu']:.1f} times"
    )
    for what in ("choose", "reconcile"):
        ratio = theirs / found[what]["cpu"]
        print(f"the reference at {REFERENCE_SIZE:,} beside {what}, its start included: {ratio:.1f} times")


def show(what: str, size: int, found: dict[str, Any]) -> None:
    names = {
        "choose": f"choose a round of {ROUND} by the index",
        "choose-largest": f"choose a round of {LARGEST_ROUND} by the index",
        "reconcile": "reconcile all with the bucket",
        "reference": "reference: membership in a list",
    }
    print(
        f"{names[what]:38} {size:11,} {found['cpu']:7.1f} {found['memory']:9.0f}   {found['result']}",
        flush=True,
    )


def measured(what: str, size: int) -> dict[str, Any]:
    """Measure in a fresh process, beside a fresh stand-in."""
    with serving(size) as url:
        command = [sys.executable, __file__, what, str(size)]
        environment = {
            **os.environ,
            "AWS_ENDPOINT_URL": url,
            "AWS_DEFAULT_REGION": "eu-west-1",
            "AWS_ACCESS_KEY_ID": "benchmark",
            "AWS_SECRET_ACCESS_KEY": "benchmark",
            "AWS_EC2_METADATA_DISABLED": "true",
            "TABLE": images.TABLE,
            "IMAGES_BUCKET": images.BUCKET,
            "ARTIFACTS_BUCKET": "artifacts",
            "MODEL_CLASSES": json.dumps({images.MODEL: ["scratch"]}),
        }
        done = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@contextmanager
def serving(size: int) -> Iterator[str]:
    command = [sys.executable, str(STORE), str(size)]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        yield f"http://127.0.0.1:{int(server.stdout.readline())}"
    finally:
        server.kill()
        server.wait()


def measure(what: str, size: str) -> None:
    """Do it, check it, and print what it cost this process."""
    done = {
        "choose": lambda: choose(int(size), ROUND),
        "choose-largest": lambda: choose(int(size), LARGEST_ROUND),
        "reconcile": lambda: reconcile(int(size)),
        "reference": lambda: by_membership(int(size)),
    }
    began = time.monotonic()
    result, check = done[what]()
    used = resource.getrusage(resource.RUSAGE_SELF)
    cost = {"cpu": used.ru_utime + used.ru_stime, "memory": used.ru_maxrss / 1024}
    wall = time.monotonic() - began
    check()
    print(json.dumps({**cost, "wall": wall, "result": result}))


def choose(size: int, limit: int) -> tuple[str, Any]:
    """Choose a round for the first time since the ledger was completed."""
    import boto3

    from lambdas.labeling import find_unlabeled_images

    completed = {"pk": f"RECONCILIATION#{images.MODEL}", "sk": "COMPLETED", "execution": "benchmark"}
    boto3.resource("dynamodb").Table(images.TABLE).put_item(Item=completed)
    event = {"execution": _EXECUTION, "model": images.MODEL, "limit": limit}
    found = find_unlabeled_images.handler(event, Unhurried())

    def check() -> None:
        waiting = [n for n in range(0, size, 10) if images.in_bucket(n)]
        expected = {f"s3://{images.BUCKET}/{images.key_of(number)}" for number in waiting[:limit]}
        key = f"labeling/{images.MODEL}/benchmark/images-1.jsonl"
        lines = boto3.client("s3").get_object(Bucket="artifacts", Key=key)["Body"].read().splitlines()
        assert {json.loads(line)["uri"] for line in lines} == expected
        assert len(lines) == len(expected) == found["count"]

    return f"{found['count']} taken, the oldest", check


def reconcile(size: int) -> tuple[str, Any]:
    """Compare every image with the ledger, of which three in ten thousand differ."""
    from lambdas.labeling import reconcile_images

    event = {"execution": _EXECUTION, "model": images.MODEL}
    found = reconcile_images.handler(event, Unhurried())

    def check() -> None:
        assert found["images"] == sum(map(images.in_bucket, range(size)))
        assert found["mended"] == 3 * (size // 10_000)

    return f"{found['mended']} mended", check


def by_membership(size: int) -> tuple[str, Any]:
    """Tell what has no label as the sample does; what it lists and asks for before that is left out."""
    uris = [f"s3://{images.BUCKET}/{images.key_of(number)}" for number in range(size)]
    # Strings of their own, in no order: a query without one returns them.
    labelled = [f"s3://{images.BUCKET}/{images.key_of(n)}" for n in range(size) if not images.waits(n)]
    random.Random(7).shuffle(labelled)  # noqa: S311 - no secret
    missing = []
    for uri in uris:
        if uri not in labelled:
            missing.append(uri)

    def check() -> None:
        assert len(missing) == size // 10

    return f"{len(missing)} without a label", check


if __name__ == "__main__":
    main(sys.argv[1:])
