from lambdas.labeling.open_round import to_label, to_verify
from lambdas.labeling.rounds import Round, Task


def test_a_rounds_id_depends_on_what_it_is_and_nothing_else() -> None:
    first = Round("label", "tags", "arn:execution:1", 1, ("scratch",))
    same = Round("label", "tags", "arn:execution:1", 1, ("scratch",))
    others = [
        Round("verify", "tags", "arn:execution:1", 1, ("scratch",)),
        Round("label", "tags", "arn:execution:2", 1, ("scratch",)),
        Round("label", "tags", "arn:execution:1", 2, ("scratch",)),
    ]
    assert first.id == same.id
    assert len({first.id, *(other.id for other in others)}) == 4


def test_images_are_numbered_in_the_order_of_their_list() -> None:
    rejected = {"boxes": [], "reason": "one is missing"}
    images = [{"uri": "s3://b/1", "width": 9, "height": 8}, {"uri": "s3://b/2", "width": 7, "height": 6}]
    images[1]["rejected"] = rejected
    assert to_label(iter(images)) == [
        Task(1, "s3://b/1", 9, 8),
        Task(2, "s3://b/2", 7, 6, rejected=rejected),
    ]


def test_only_boxes_are_verified_and_under_the_number_of_their_image() -> None:
    boxes = [{"label": "scratch", "left": 1, "top": 1, "width": 2, "height": 2}]
    labeled = [
        Task(1, "s3://b/1", 9, 8),
        Task(2, "s3://b/2", 9, 8, answer={"unusable": "dark"}, answered_by="ann"),
        Task(3, "s3://b/3", 9, 8, answer={"boxes": boxes}, answered_by="ann"),
        Task(4, "s3://b/4", 9, 8, answer={"boxes": []}, answered_by="bob"),
    ]
    assert list(to_verify(iter(labeled))) == [
        Task(3, "s3://b/3", 9, 8, boxes=boxes, labeled_by="ann"),
        Task(4, "s3://b/4", 9, 8, boxes=[], labeled_by="bob"),
    ]
