"""Which side each picture of a tree of models is on, for ever: the content of the frozen file.

A line of JSON, then 16 bytes a picture (the first half of its SHA-256, sorted), then a byte a picture (its
side): 17 MB for a million, on S3 and in memory.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline_defs.common.job import JobError
from pipeline_defs.common.sides import SHARES

SIDES = tuple(SHARES)
ASIDE = len(SIDES)  # the number of a picture that no side may have; the others' numbers are their index
UNKNOWN = -1
VERSION = 1
DIGEST_BYTES = 16  # of a SHA-256: no two pictures of this world share them
_NAMES = [*SIDES, "aside"]

Digests = NDArray[np.bytes_]  # fixed 16 bytes; compared as a whole, never taken out as Python bytes
Sides = NDArray[np.int8]


@dataclass(frozen=True)
class FrozenSplit:
    """The sides (numbers) of the pictures by digest, sorted; empty: nothing is frozen yet."""

    digests: Digests = field(default_factory=lambda: digests_of([]))
    sides: Sides = field(default_factory=lambda: np.empty(0, np.int8))

    def sides_of(self, digests: Digests) -> Sides:
        """Return each digest's side, UNKNOWN where it has none."""
        if not len(self.digests):
            return np.full(len(digests), UNKNOWN, np.int8)
        places = np.minimum(np.searchsorted(self.digests, digests), len(self.digests) - 1)
        found = self.digests[places] == digests
        return np.where(found, self.sides[places], np.int8(UNKNOWN)).astype(np.int8)

    def extended(self, digests: Digests, sides: Sides) -> "FrozenSplit":
        """Return this and the pictures of `digests` that it did not know; what it knew stays."""
        new = self.sides_of(digests) == UNKNOWN
        if not new.any():
            return self
        every = np.concatenate([self.digests, digests[new]])
        order = np.argsort(every, kind="stable")
        return FrozenSplit(every[order], np.concatenate([self.sides, sides[new]])[order])

    def content(self, tree: str) -> bytes:
        """Return what is stored; the same split always gives the same bytes."""
        body = self.digests.tobytes() + self.sides.tobytes()
        head = {
            "version": VERSION,
            "tree": tree,
            "pictures": len(self.digests),
            "sides": _NAMES,
            "sha256": hashlib.sha256(body).hexdigest(),
        }
        return json.dumps(head).encode() + b"\n" + body


def parse(content: bytes, tree: str, where: str) -> FrozenSplit:
    """Read a frozen file; raises JobError if it is not whole or another tree's: a guess would unfreeze it."""
    line, _, body = content.partition(b"\n")
    head = _head(line)
    if head is None:
        raise _refused(where, f"not a frozen split of version {VERSION}")
    if head.get("tree") != tree:
        raise _refused(where, f"the frozen split of the tree {head.get('tree')!r}, not of {tree!r}")
    if hashlib.sha256(body).hexdigest() != head.get("sha256"):
        raise _refused(where, f"damaged or cut off: its {len(body)} bytes have another SHA-256 than they say")
    pictures = len(body) // (DIGEST_BYTES + 1)
    digests = np.frombuffer(body, f"S{DIGEST_BYTES}", pictures)
    return FrozenSplit(digests, np.frombuffer(body, np.int8, pictures, pictures * DIGEST_BYTES))


def digests_of(hashes: Iterable[str]) -> Digests:
    """Return the first DIGEST_BYTES of SHA-256s in hex."""
    return np.frombuffer(
        b"".join(bytes.fromhex(sha256)[:DIGEST_BYTES] for sha256 in hashes), f"S{DIGEST_BYTES}"
    )


def _head(line: bytes) -> dict[str, Any] | None:
    try:
        head = json.loads(line)
    except ValueError:
        return None
    known = isinstance(head, dict) and head.get("version") == VERSION and head.get("sides") == _NAMES
    return head if known else None


def _refused(where: str, reason: str) -> JobError:
    return JobError(f"{where}: {reason}; restore an earlier version of the file")
