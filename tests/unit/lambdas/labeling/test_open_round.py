import json

from lambdas.labeling.drawn_labels import LabelRound
from lambdas.labeling.open_round import to_label, to_settle, to_verify
from lambdas.labeling.rounds import Answer, Round, Task
from lambdas.labeling.tasks import task_items

BOXES = [{"label": "scratch", "left": 1, "top": 1, "width": 2, "height": 2}]
IMAGES = [{"uri": f"s3://b/{number}", "width": 9, "height": 8} for number in (1, 2, 3, 4)]


def test_a_rounds_id_depends_on_what_it_is_and_nothing_else() -> None:
    first = Round("label", "tags", "arn:execution:1", 1, ("scratch",))
    same = Round("label", "tags", "arn:execution:1", 1, ("scratch",))
    others = [
        Round("verify", "tags", "arn:execution:1", 1, ("scratch",)),
        Round("settle", "tags", "arn:execution:1", 1, ("scratch",)),
        Round("label", "tags", "arn:execution:2", 1, ("scratch",)),
        Round("label", "tags", "arn:execution:1", 2, ("scratch",)),
    ]
    assert first.id == same.id
    assert len({first.id, *(other.id for other in others)}) == 5


def test_images_are_numbered_in_the_order_of_their_list() -> None:
    rejected = {"boxes": [], "reason": "one is missing"}
    images = [IMAGES[0], {**IMAGES[1], "rejected": rejected}]
    assert list(to_label(images, annotators=1, suggested={})) == [
        Task(1, "s3://b/1", 9, 8, image_number=1),
        Task(2, "s3://b/2", 9, 8, image_number=2, rejected=rejected),
    ]


def test_several_annotators_have_a_task_each_of_every_image() -> None:
    tasks = list(to_label(IMAGES[:2], annotators=3, suggested={}))
    assert [(task.number, task.image) for task in tasks] == [(1, 1), (2, 1), (3, 1), (4, 2), (5, 2), (6, 2)]


def test_what_the_model_says_goes_with_the_picture_unless_people_have_drawn_on_it() -> None:
    suggested = {image["uri"]: {"boxes": BOXES, "model_package_arn": "arn:7"} for image in IMAGES[:2]}
    images = [IMAGES[0], {**IMAGES[1], "rejected": {"boxes": [], "reason": "no"}}, IMAGES[2]]
    tasks = list(to_label(images, annotators=1, suggested=suggested))
    assert [task.suggested for task in tasks] == [suggested["s3://b/1"], None, None]


def test_a_label_that_waits_for_its_verification_only_is_not_drawn_again() -> None:
    kept = {"boxes": BOXES, "by": ["ann"], "at": "T1", "agreement": {}}
    images = [{**IMAGES[0], "labeled": kept}, IMAGES[1]]
    assert [task.number for task in to_label(images, annotators=1, suggested={})] == [2]
    [verify] = to_verify(LabelRound([], [], iou=0.5).drawn(images))
    assert verify == Task(1, "s3://b/1", 9, 8, boxes=BOXES, labeled_by=("ann",))


def test_only_boxes_are_verified_by_nobody_who_drew_and_under_the_number_of_their_image() -> None:
    def answer(number: int, who: str, said: dict[str, object]) -> Answer:
        return Answer(number, number, who, "T", None, "label", said, f"s3://b/{number}")

    answers = [
        answer(2, "ann", {"unusable": "dark"}),
        answer(3, "ann", {"boxes": BOXES}),
        answer(3, "eve", {"boxes": BOXES}),
        answer(4, "bob", {"boxes": []}),
    ]
    assert list(to_verify(LabelRound(answers, [], iou=0.5).drawn(IMAGES))) == [
        Task(3, "s3://b/3", 9, 8, boxes=BOXES, labeled_by=("ann", "eve")),
        Task(4, "s3://b/4", 9, 8, boxes=[], labeled_by=("bob",)),
    ]


def test_a_supervisor_sees_all_that_was_drawn_and_the_last_rejection() -> None:
    drawn = [{"by": "ann", "what": "label", "boxes": BOXES}, {"by": "bob", "what": "reject", "reason": "no"}]
    rejected = {"boxes": BOXES, "reason": "no"}
    [task] = to_settle([{**IMAGES[0], "history": drawn, "rejected": rejected}])
    candidates = ({"by": "ann", "boxes": BOXES},)
    assert task == Task(1, "s3://b/1", 9, 8, rejected=rejected, candidates=candidates)
    assert json.dumps(task.candidates)


def test_a_supervisor_sees_as_many_drawings_as_an_item_of_the_table_holds_the_last_ones() -> None:
    box = {"label": "scratch", "left": 1234.56, "top": 1234.56, "width": 123.45, "height": 123.45}
    many = [box] * 500
    drawn = [{"by": f"person {number}", "boxes": many, "what": "label"} for number in range(12)]
    image = {**IMAGES[0], "history": drawn, "rejected": {"boxes": many, "reason": "no"}}
    [task] = to_settle([image])
    shown = [candidate["by"] for candidate in task.candidates]
    assert shown == [f"person {number}" for number in range(12)][-len(shown) :]
    assert len(shown) >= 4
    [item] = task_items("0123456789abcdef", [task], 0)
    with_draft_and_answer = len(json.dumps(item, default=list)) + 2 * len(json.dumps(many))
    assert with_draft_and_answer < 400_000, "DynamoDB takes no more"
