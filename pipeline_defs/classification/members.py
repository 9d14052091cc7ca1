"""What the split has to know of each picture, in 32 bytes: who it is, which group and class it is of."""

import hashlib
from array import array
from collections.abc import Iterable

import numpy as np

from pipeline_defs.classification.dataset import Image
from pipeline_defs.classification.frozen_split import DIGEST_BYTES
from pipeline_defs.classification.split import Members
from pipeline_defs.common.job import JobError


def read_members(images: Iterable[Image]) -> Members:
    """Number the groups and classes of the pictures; raises JobError for a picture that comes twice."""
    digests, groups = bytearray(), bytearray()
    classes, numbers = array("q"), dict[str, int]()
    for image in images:
        digests += bytes.fromhex(image.sha256)[:DIGEST_BYTES]
        groups += hashlib.sha256(image.group.encode()).digest()[:DIGEST_BYTES]
        classes.append(numbers.setdefault(image.class_name, len(numbers)))
    kind = f"S{DIGEST_BYTES}"
    own = np.frombuffer(bytes(digests), kind)
    if len(np.unique(own)) != len(own):
        raise JobError("the data set has a picture twice: check the data again")
    of_group = np.unique(np.frombuffer(bytes(groups), kind), return_inverse=True)[1]
    return Members(own, of_group.astype(np.int64), np.frombuffer(classes, np.int64))
