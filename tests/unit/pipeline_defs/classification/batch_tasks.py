"""Tasks for other processes, which import them by name."""

import os
import time

from pipeline_defs.common.job import JobError


def doubled(batch: list[int]) -> list[int]:
    if batch[0] == 0:
        time.sleep(0.2)
    return [2 * number for number in batch]


def with_process(batch: list[int]) -> tuple[int, int]:
    return os.getpid(), len(batch)


def failing(batch: list[int]) -> None:
    if 17 in batch:
        raise JobError("seventeen")


def killed(batch: list[int]) -> None:
    if 17 in batch:
        os._exit(9)
