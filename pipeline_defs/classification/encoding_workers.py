"""All pictures of a data set encoded by several processes, in their order, a few at a time."""

import functools
import multiprocessing
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from itertools import islice
from typing import Any

from inference.pictures import BadPicture
from pipeline_defs.classification.checked_pictures import client_for, fetch_checked
from pipeline_defs.classification.dataset import Image
from pipeline_defs.classification.encoding import encode
from pipeline_defs.common.job import JobError
from pipeline_defs.common.objects import Unavailable

_BATCH = 32  # pictures that a process is given at once
_AHEAD = 2  # batches that wait for each process
_FETCHES = 8  # at once, of each process: S3 answers in tens of milliseconds, whatever a picture's size


@dataclass(frozen=True)
class Lost:
    """A picture that cannot be encoded, and why."""

    uri: str
    reason: str


def encode_all(images: Iterable[Image], input_size: int, *, workers: int) -> Iterator[bytes | Lost]:
    """Yield each picture's JPEG bytes in the order of `images`."""
    # Other than forks, spawned processes share no lock with threads that this one has.
    context = multiprocessing.get_context("spawn")
    waiting: deque[Future[list[bytes | Lost]]] = deque()
    rest = iter(images)
    try:
        with ProcessPoolExecutor(workers, context) as pool:
            while batch := list(islice(rest, _BATCH)):
                waiting.append(pool.submit(_encode_batch, batch, input_size))
                if len(waiting) > _AHEAD * workers:
                    yield from waiting.popleft().result()
            while waiting:
                yield from waiting.popleft().result()
    except BrokenProcessPool as error:
        raise JobError(
            "a process that encodes pictures was killed, most often for want of memory: use fewer --workers, "
            "or a larger job_instance"
        ) from error


def _encode_batch(images: list[Image], input_size: int) -> list[bytes | Lost]:
    with ThreadPoolExecutor(_FETCHES) as pool:
        contents = pool.map(_fetch, images)
        return [_encode(image, content, input_size) for image, content in zip(images, contents, strict=True)]


def _fetch(image: Image) -> bytes | Lost:
    try:
        return fetch_checked(_client(image.uri.partition("://")[0]), image)
    except Unavailable as error:
        return Lost(image.uri, str(error))


def _encode(image: Image, content: bytes | Lost, input_size: int) -> bytes | Lost:
    if isinstance(content, Lost):
        return content
    try:
        return encode(content, input_size)
    except BadPicture as error:
        return Lost(image.uri, error.reason)


@functools.cache
def _client(scheme: str) -> Any:
    return client_for(f"{scheme}://", connections=_FETCHES)
