import pytest

from lambdas.labeling.payloads import Deadline, Lists, OutOfTime


class Context:
    def __init__(self, milliseconds: int) -> None:
        self._milliseconds = milliseconds

    def get_remaining_time_in_millis(self) -> int:
        return self._milliseconds


def test_lists_are_named_after_the_execution() -> None:
    lists = Lists("artifacts", "tags", "arn:aws:states:eu-west-1:111122223333:execution:machine:monday")
    assert lists.name == "monday"
    assert lists.images(2) == "s3://artifacts/labeling/tags/monday/images-2.jsonl"
    assert lists.manifest == "s3://artifacts/labels/tags/monday.manifest"
    assert lists.quarantine == "s3://artifacts/quarantine/tags/monday.jsonl"


def test_a_deadline_says_how_far_the_work_has_come() -> None:
    with pytest.raises(OutOfTime, match="3 of 9; the next attempt goes on from there"):
        Deadline(Context(0)).check("3 of 9")


def test_nothing_happens_before_the_deadline() -> None:
    Deadline(Context(900_000)).check("3 of 9")
