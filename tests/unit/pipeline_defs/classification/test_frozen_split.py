import hashlib
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline_defs.classification.frozen_split import ASIDE, UNKNOWN, FrozenSplit, digests_of, parse
from pipeline_defs.common.job import JobError

WHERE = "s3://artifacts/datasets/species/split.bin"

hashes = st.lists(st.binary(min_size=32, max_size=32).map(bytes.hex), unique_by=lambda sha256: sha256[:32])


def frozen(sides: dict[str, int]) -> FrozenSplit:
    return FrozenSplit().extended(digests_of(sides), np.array(list(sides.values()), np.int8))


def sha256(number: int) -> str:
    return hashlib.sha256(b"%d" % number).hexdigest()


@settings(deadline=None)
@given(hashes, st.data())
def test_what_is_frozen_is_read_again_and_found(known: list[str], data: st.DataObject) -> None:
    sides = {key: data.draw(st.integers(0, ASIDE)) for key in known}
    read = parse(frozen(sides).content("species"), "species", WHERE)
    assert read.sides_of(digests_of(sides)).tolist() == list(sides.values())
    assert read.content("species") == frozen(dict(sorted(sides.items()))).content("species")


@settings(deadline=None)
@given(hashes, hashes)
def test_what_was_not_frozen_is_not_found(known: list[str], other: list[str]) -> None:
    strangers = [key for key in other if key[:32] not in {each[:32] for each in known}]
    found = frozen(dict.fromkeys(known, 1)).sides_of(digests_of(strangers))
    assert found.tolist() == [UNKNOWN] * len(strangers)


def test_hashes_of_zeros_are_told_apart() -> None:
    keys = ["00" * 32, "00" * 15 + "01" * 17, "01" + "00" * 31, "01" * 2 + "00" * 30]
    split = frozen({keys[0]: 0, keys[2]: 2})
    assert split.sides_of(digests_of(keys)).tolist() == [0, UNKNOWN, 2, UNKNOWN]


def test_what_is_frozen_is_never_frozen_otherwise() -> None:
    split = frozen({sha256(1): 0})
    again = split.extended(digests_of([sha256(1), sha256(2)]), np.array([2, 2], np.int8))
    assert again.sides_of(digests_of([sha256(1), sha256(2)])).tolist() == [0, 2]
    assert again.extended(digests_of([sha256(2)]), np.array([0], np.int8)) is again


def test_seventeen_bytes_a_picture_are_stored() -> None:
    content = frozen({sha256(number): 0 for number in range(1000)}).content("species")
    assert len(content) < 17 * 1000 + 250
    assert json.loads(content.partition(b"\n")[0])["pictures"] == 1000


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda content: b"", "not a frozen split of version 1"),
        (lambda content: b"{}\n", "not a frozen split of version 1"),
        (lambda content: b"\xff\xfe\n" + content, "not a frozen split of version 1"),
        (
            lambda content: content.replace(b'"version": 1', b'"version": 9'),
            "not a frozen split of version 1",
        ),
        (lambda content: content[:40], "not a frozen split of version 1"),
        (lambda content: content[:-1], "damaged or cut off"),
        (lambda content: content + b"\0", "damaged or cut off"),
        (lambda content: content[:-1] + bytes([content[-1] ^ 1]), "damaged or cut off"),
        (lambda content: content.replace(b"species", b"birds"), "the frozen split of the tree 'birds'"),
    ],
)
def test_a_file_that_is_not_whole_is_one_clear_line(change: object, reason: str) -> None:
    content = frozen({sha256(number): number % 3 for number in range(5)}).content("species")
    assert callable(change)
    with pytest.raises(JobError, match=reason) as refused:
        parse(change(content), "species", WHERE)
    assert str(refused.value).startswith(f"{WHERE}: ")
    assert str(refused.value).endswith("; restore an earlier version of the file")
