import pytest

from lambdas.labeling.answers import MAX_BOXES, BadAnswer, checked

BOX = {"label": "scratch", "left": 10, "top": 20, "width": 30, "height": 40}


def check(body: object, kind: str = "label") -> dict[str, object]:
    return checked(body, kind=kind, width=100, height=80, classes=("scratch", "dent"))


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({"boxes": []}, "label"),
        ({"boxes": [BOX]}, "label"),
        ({"boxes": [{**BOX, "left": 10.25, "label": "dent"}]}, "label"),
        ({"boxes": [{"label": "scratch", "left": 0, "top": 0, "width": 100, "height": 80}]}, "label"),
        ({"unusable": "out of focus"}, "label"),
        ({"verdict": "approve"}, "verify"),
        ({"verdict": "reject", "reason": "one is missing"}, "verify"),
    ],
)
def test_a_good_answer_is_kept_as_it_is(body: object, kind: str) -> None:
    assert check(body, kind) == body


def test_a_slip_over_the_edge_is_clipped() -> None:
    answer = check({"boxes": [{**BOX, "left": -1, "top": 40.5, "width": 30, "height": 40.5}]})
    assert answer == {"boxes": [{"label": "scratch", "left": 0, "top": 40.5, "width": 29, "height": 39.5}]}


def test_boxes_are_kept_in_hundredths_of_a_pixel() -> None:
    assert check({"boxes": [{**BOX, "left": 10.000001, "width": 30.123456}]}) == {
        "boxes": [{**BOX, "left": 10, "width": 30.12}]
    }


@pytest.mark.parametrize("left", [0.13, 33.3, 67.07, 99])
def test_a_box_may_be_one_pixel_wide_wherever_it_is(left: float) -> None:
    box = {**BOX, "left": left, "width": 1}
    assert check({"boxes": [box]}) == {"boxes": [box]}


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"left": 71.5}, "box 2: horizontally it spans 71.5 to 101.5, and the picture is 100 pixels wide"),
        ({"top": -2}, "box 2: vertically it spans -2 to 38, and the picture is 80 pixels high"),
        ({"width": 0}, "box 2: horizontally it has less than 1 pixel"),
        ({"width": -5}, "box 2: horizontally it has less than 1 pixel"),
        ({"left": -0.9, "width": 1}, "box 2: horizontally it has less than 1 pixel"),
        ({"height": float("nan")}, "box 2: height nan is not a number"),
        ({"height": float("inf")}, "box 2: height inf is not a number"),
        ({"height": 10**400}, "is not a number of pixels"),
        ({"height": "40"}, "box 2: height '40' is not a number"),
        ({"height": True}, "box 2: height True is not a number"),
        ({"label": "rust"}, "box 2: the class 'rust' is none of scratch, dent"),
        ({"label": ["scratch"]}, "box 2: the class ['scratch'] is none of"),
        ({"score": 1}, "box 2: needs exactly label, left, top, width, height"),
    ],
)
def test_a_bad_box_is_named_with_what_is_wrong(change: dict[str, object], complaint: str) -> None:
    with pytest.raises(BadAnswer) as raised:
        check({"boxes": [BOX, {**BOX, **change}]})
    assert complaint in str(raised.value)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (None, "label"),
        ([BOX], "label"),
        ({}, "label"),
        ({"boxes": None}, "label"),
        ({"boxes": [None]}, "label"),
        ({"boxes": [BOX] * (MAX_BOXES + 1)}, "label"),
        ({"boxes": [], "unusable": "dark"}, "label"),
        ({"verdict": "approve"}, "label"),
        ({"unusable": "  "}, "label"),
        ({"unusable": "x" * 501}, "label"),
        ({"unusable": 3}, "label"),
        ({"boxes": []}, "verify"),
        ({"verdict": "maybe"}, "verify"),
        ({"verdict": "reject"}, "verify"),
        ({"verdict": "reject", "reason": ""}, "verify"),
        ({"verdict": "approve", "reason": "nice"}, "verify"),
    ],
)
def test_what_is_no_answer_is_refused(body: object, kind: str) -> None:
    with pytest.raises(BadAnswer):
        check(body, kind)


def test_a_reason_is_one_line() -> None:
    assert check({"unusable": " dark\nand\tblurred "}) == {"unusable": "dark and blurred"}
