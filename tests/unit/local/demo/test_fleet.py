from pathlib import Path

import pytest

from local.demo.batch import Picture
from local.demo.fleet import STAGING_PICTURES, shares
from stacks.constructs import waves


def pictures(number):
    return [Picture(f"{n}.png", Path(f"{n}.png"), f"{n:064d}") for n in range(number)]


@pytest.mark.parametrize(
    ("number", "dealt"), [(24, [8, 8, 8]), (15, [5, 5, 5]), (8, [5, 2, 1]), (7, [5, 1, 1])]
)
def test_each_picture_is_taken_once_where_there_are_enough(number, dealt):
    given = pictures(number)
    found = shares(given, 3)
    assert [len(share) for share in found] == dealt
    assert sorted(p.name for share in found for p in share) == sorted(p.name for p in given)


@pytest.mark.parametrize("number", [1, 2, 4])
def test_of_few_pictures_the_staging_device_still_has_enough(number):
    given = pictures(number)
    staging, *others = shares(given, 3)
    assert len(staging) == STAGING_PICTURES
    assert set(staging) == set(given)
    assert [len(share) for share in others] == [1, 1]


def test_without_pictures_nobody_has_any():
    assert shares([], 3) == [[], [], []]


def test_enough_is_what_the_rollout_asks_for():
    assert waves.staging_wave("arn").min_inferences == STAGING_PICTURES
