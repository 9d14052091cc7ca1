"""All pictures of a data set encoded by several processes, in their order, a few at a time."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain

from inference.pictures import BadPicture
from pipeline_defs.classification.checked_pictures import fetch_checked
from pipeline_defs.classification.dataset import Image
from pipeline_defs.classification.encoding import encode
from pipeline_defs.common.batches import in_batches
from pipeline_defs.common.objects import Unavailable

_BATCH = 32  # pictures that a process is given at once
_FETCHES = 8  # at once, of each process: S3 answers in tens of milliseconds, whatever a picture's size


@dataclass(frozen=True)
class Lost:
    """A picture that cannot be encoded, and why."""

    uri: str
    reason: str


@dataclass(frozen=True)
class Encoding:
    """What every process is told."""

    input_size: int

    def __call__(self, batch: list[Image]) -> list[bytes | Lost]:
        """Fetch several pictures at once, and encode one after the other: decoded ones take memory."""
        with ThreadPoolExecutor(_FETCHES) as pool:
            contents = pool.map(_fetch, batch)
            return [self._encode(image, content) for image, content in zip(batch, contents, strict=True)]

    def _encode(self, image: Image, content: bytes | Lost) -> bytes | Lost:
        if isinstance(content, Lost):
            return content
        try:
            return encode(content, self.input_size)
        except BadPicture as error:
            return Lost(image.uri, error.reason)


def encode_all(images: Iterable[Image], input_size: int, *, processes: int) -> Iterator[bytes | Lost]:
    """Yield each picture's JPEG bytes in the order of `images`."""
    return chain.from_iterable(in_batches(images, Encoding(input_size), processes=processes, size=_BATCH))


def _fetch(image: Image) -> bytes | Lost:
    try:
        return fetch_checked(image)
    except Unavailable as error:
        return Lost(image.uri, str(error))
