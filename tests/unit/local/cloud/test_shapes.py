from botocore.model import DenormalizedStructureBuilder

from local.cloud.shapes import report


def shape(**member: object) -> object:
    return DenormalizedStructureBuilder().with_members({"Value": dict(member)}).build_model()


def test_maximum_of_a_number() -> None:
    assert report({"Value": 6}, shape(type="integer", max=5)) == ".Value: 6, at most 5 allowed"
    assert report({"Value": 5}, shape(type="integer", max=5)) == ""


def test_list_members_and_its_length_are_checked() -> None:
    letters = shape(type="list", max=2, member={"type": "string", "enum": ["a", "b"]})
    assert report({"Value": ["a", "b"]}, letters) == ""
    assert report({"Value": ["c"]}, letters) == ".Value[0]: 'c' is not one of a, b"
    assert report({"Value": ["a"] * 3}, letters) == ".Value: 3 items, at most 2 allowed"


def test_map_keys_and_values_are_checked() -> None:
    words = shape(
        type="map", key={"type": "string", "pattern": "[a-z]+"}, value={"type": "string", "pattern": "[0-9]+"}
    )
    assert report({"Value": {"a": "1"}}, words) == ""
    assert "(key 'A')" in report({"Value": {"A": "1"}}, words)
    assert ".Value.a: 'x'" in report({"Value": {"a": "x"}}, words)


def test_pattern_must_match_the_whole_value() -> None:
    assert "does not match" in report({"Value": "abc "}, shape(type="string", pattern="[a-z]+"))


def test_java_classes_inside_and_outside_of_brackets() -> None:
    arn = shape(type="string", pattern=r"arn:[\p{Alnum}\-]+:\p{Alnum}*")
    assert report({"Value": "arn:aws-cn:x1"}, arn) == ""
    assert "does not match" in report({"Value": "arn:aws_cn:x1"}, arn)
    whole = shape(type="string", pattern=r"\A\S[\p{Print}]*\z")
    assert report({"Value": "ab c"}, whole) == ""
    assert "does not match" in report({"Value": " abc"}, whole)


def test_pattern_that_python_cannot_read_is_not_checked() -> None:
    assert report({"Value": "x"}, shape(type="string", pattern=r"(?<n>x")) == ""
