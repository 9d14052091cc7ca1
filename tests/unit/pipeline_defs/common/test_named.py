from pipeline_defs.common.named import named


def test_the_first_of_many_are_named() -> None:
    assert named([]) == ""
    assert named(["a", "b"], 2) == "a, b"
    assert named(["a", "b", "c", "d"], 2) == "a, b and 2 more"
