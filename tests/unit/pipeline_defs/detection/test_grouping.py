import numpy as np
import pytest

from pipeline_defs.common.job import JobError
from pipeline_defs.detection.grouping import Subject, compile_rule, group_pictures, name_key
from pipeline_defs.detection.similarity import SIDE, Details


def subject(name: str, group: str = "") -> Subject:
    return Subject(f"s3://b/images/tags/{name}", f"sha-of-{name}", group)


def no_pixels() -> Details:
    raise AssertionError("pixels were asked for")


def unlike(count: int) -> Details:
    return np.random.default_rng(1).normal(size=(count, SIDE, SIDE)).astype(np.float32)


def test_given_groups_are_used_as_they_are() -> None:
    grouping = group_pictures([subject("a", "x"), subject("b", "y")], rule="(.)", details=no_pixels)
    assert (grouping.keys, grouping.way, grouping.notes) == (("x", "y"), "given", ())


def test_without_them_the_file_name_rule_decides() -> None:
    grouping = group_pictures(
        [subject("tag7-shot1.jpg"), subject("tag7-shot2.jpg"), subject("x.jpg", "given")],
        rule=r"^(tag\d+)-",
        details=no_pixels,
    )
    assert grouping.keys == ("tag7", "tag7", "given")
    assert grouping.way == "file name rule"
    assert grouping.notes == ("1 of 3 pictures say which object they show",)


@pytest.mark.parametrize(
    ("rule", "key"),
    [(r"^(\w+)-(\d+)-", "tag-7"), (r"tag-\d+", "tag-7"), (r"^(other)", "tag-7-a.jpg"), (r"(x)?tag", "tag")],
)
def test_a_rule_names_the_object(rule: str, key: str) -> None:
    assert name_key("s3://b/images/tag-7-a.jpg", rule) == key


def test_a_broken_rule_is_refused() -> None:
    with pytest.raises(JobError, match="not a regular expression"):
        compile_rule("(")


def test_otherwise_pixels_decide_and_keys_do_not_depend_on_the_order() -> None:
    details = unlike(9)
    details[5] = details[2]
    subjects = [subject(str(number)) for number in range(9)]
    forward = group_pictures(subjects, rule="", details=lambda: details)
    backward = group_pictures(subjects[::-1], rule="", details=lambda: details[::-1])
    assert forward.way == "visual similarity"
    assert forward.keys[5] == forward.keys[2]
    assert len(set(forward.keys)) == 8
    assert backward.keys == forward.keys[::-1]


def test_what_looks_like_a_known_object_joins_it() -> None:
    details = unlike(9)
    details[5] = details[2]
    subjects = [subject(str(number), {2: "plate 4", 7: "plate 4"}.get(number, "")) for number in range(9)]
    keys = group_pictures(subjects, rule="", details=lambda: details).keys
    assert [keys[index] for index in (2, 5, 7)] == ["plate 4"] * 3


def test_doubt_is_told() -> None:
    details = np.repeat(unlike(1), 6, axis=0)
    notes = group_pictures([subject(str(n)) for n in range(6)], rule="", details=lambda: details).notes
    assert "look so alike" in notes[0]
