"""Tasks given out and answered, by the workbench's function on the table of the stack."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from task_bench import BOX, TaskBench, bench_of

from lambdas.labeling.rounds import Task
from local.cloud.server import LocalCloud

ACCEPTED = (200, {"accepted": True})
TOKEN = "a-1b"


@pytest.fixture
def bench(cloud: LocalCloud) -> Iterator[TaskBench]:
    with bench_of(cloud).cleared() as cleared:
        yield cleared


def ids(tasks: list[dict[str, Any]]) -> list[str]:
    return sorted(task["task_id"] for task in tasks)


def test_a_task_is_claimed_answered_and_tells_the_state_machine(bench: TaskBench) -> None:
    opened = bench.open(bench.tasks(1))
    ann = bench.person("ann")
    [task] = ann.claim()
    suggestions = {"accepted": 1, "moved": 0, "deleted": 2}
    body = {"boxes": [BOX], "seconds": 12.4, "suggestions": suggestions, "answer_id": TOKEN}
    assert ann.answer(task, body) == ACCEPTED
    assert bench.states.told == [opened.id]
    [kept] = bench.rounds.answers(opened.id)
    assert (kept.number, kept.image_number, kept.who, kept.seconds, kept.kind) == (1, 1, "ann", 12, "label")
    assert (kept.answer, kept.suggestions, kept.image_uri) == (
        {"boxes": [BOX]},
        suggestions,
        task["image_uri"],
    )
    [read] = bench.rounds.tasks(opened.id)
    assert (read.answer, read.answered_by, read.answered_at, read.seconds) == (
        kept.answer,
        "ann",
        kept.at,
        12,
    )


def test_who_asks_again_gets_what_they_hold_first_and_for_longer(bench: TaskBench) -> None:
    bench.open(bench.tasks(5))
    ann = bench.person("ann")
    [task] = ann.claim(limit=1)
    bench.end_lease_in(task, seconds=100)
    again = ann.claim(limit=2)
    assert task["task_id"] in ids(again)
    assert int(bench.task(task)["available_at"]) > bench.now + 500
    assert bench.person("bob").claim(limit=50)
    assert ids(ann.claim(limit=50)) == ids(again)


def test_who_comes_back_late_gets_first_what_nobody_took_from_them(bench: TaskBench) -> None:
    bench.open(bench.tasks(20))
    ann, bob = bench.person("ann"), bench.person("bob")
    [mine] = ann.claim(limit=1)
    for task in bob.claim(limit=15):
        bench.end_lease(task)
    for _ in range(3):
        bench.end_lease(mine)
        assert ids(ann.claim(limit=1)) == [mine["task_id"]]


def test_a_claim_may_name_a_model_or_a_round(bench: TaskBench) -> None:
    tags, first, second = bench.open(bench.tasks(1)), *(bench.open(bench.tasks(1), model="pcb") for _ in "ab")
    ann = bench.person("ann")
    assert [task["round"] for task in ann.claim(model="tags")] == [tags.id]
    assert [task["round"] for task in ann.claim(round=second.id)] == [second.id]
    assert sorted(task["round"] for task in ann.claim(model="pcb")) == sorted([first.id, second.id])
    assert ann.claim("verify") == []
    assert ann.ask("POST", "/tasks/claim", {"kind": "label", "round": "0" * 16})[0] == 404


def test_a_draft_is_kept_and_shown_to_who_drew_it_only(bench: TaskBench) -> None:
    bench.open(bench.tasks(1))
    ann, bob = bench.person("ann"), bench.person("bob")
    [task] = ann.claim()
    status, kept = ann.draft(task, 1, [BOX])
    assert (status, set(kept)) == (200, {"saved_at", "leased_until"})
    [again] = ann.claim()
    assert again["draft"] == {"boxes": [BOX], "saved_at": kept["saved_at"], "sequence": 1}
    assert ann.release(task) == ACCEPTED
    [his] = bob.claim()
    assert "draft" not in his
    assert bob.release(his) == ACCEPTED
    [again] = ann.claim()
    assert again["draft"]["boxes"] == [BOX]


def test_a_draft_that_is_late_changes_nothing(bench: TaskBench) -> None:
    bench.open(bench.tasks(1))
    ann = bench.person("ann")
    [task] = ann.claim()
    assert ann.draft(task, 7, [BOX])[0] == 200
    status, kept = ann.draft(task, 6, [])
    assert (status, kept["stale"]) == (200, True)
    assert ann.claim()[0]["draft"]["boxes"] == [BOX]
    assert "stale" not in ann.draft(task, 7, [])[1]
    assert ann.claim()[0]["draft"]["boxes"] == []


def test_a_draft_holds_the_task(bench: TaskBench) -> None:
    bench.open(bench.tasks(1))
    ann, bob = bench.person("ann"), bench.person("bob")
    [task] = ann.claim()
    bench.end_lease(task)
    assert ann.draft(task, 1, [])[0] == 200
    assert bob.claim() == []


def test_a_lease_that_ran_out_goes_to_the_next_person_and_no_sooner(bench: TaskBench) -> None:
    bench.open(bench.tasks(1))
    ann, bob = bench.person("ann"), bench.person("bob")
    [task] = ann.claim()
    assert bob.claim() == []
    bench.end_lease(task)
    assert ids(bob.claim()) == [task["task_id"]]
    assert ann.draft(task, 1, [])[0] == 403
    assert ann.answer(task, {"boxes": []})[0] == 403
    assert ann.release(task)[0] == 403
    assert ann.skip(task)[0] == 403
    assert bob.answer(task, {"boxes": []}) == ACCEPTED


def test_who_is_slow_may_answer_as_long_as_nobody_else_has_it(bench: TaskBench) -> None:
    bench.open(bench.tasks(1))
    ann = bench.person("ann")
    [task] = ann.claim()
    bench.end_lease(task)
    assert ann.answer(task, {"boxes": []}) == ACCEPTED


def test_an_answer_is_taken_once(bench: TaskBench) -> None:
    opened = bench.open(bench.tasks(1))
    ann, bob = bench.person("ann"), bench.person("bob")
    [task] = ann.claim()
    assert bob.answer(task, {"boxes": []})[0] == 403
    for body in ({"boxes": [BOX], "answer_id": TOKEN}, {"boxes": [BOX]}, {"boxes": [], "answer_id": TOKEN}):
        assert ann.answer(task, body) == ACCEPTED
    assert ann.answer(task, {"boxes": []})[0] == 409
    assert ann.answer(task, {"boxes": [], "answer_id": "c-2"})[0] == 409
    assert ann.draft(task, 9, [])[0] == 409
    assert bob.answer(task, {"boxes": [BOX], "answer_id": TOKEN})[0] == 403
    assert [kept.answer for kept in bench.rounds.answers(opened.id)] == [{"boxes": [BOX]}]
    assert bench.rounds.progress(opened.id).answered == 1


@pytest.mark.parametrize(
    "task_id", ["0123456789abcdef-1", "x", "-", "a-b", "a-\u0661", "a-1-1", "a" * 5000, "a-" + "9" * 5000]
)
def test_a_task_that_there_is_not_is_not_found(bench: TaskBench, task_id: str) -> None:
    status, reply = bench.person("ann").answer({"task_id": task_id}, {"boxes": []})
    assert status == 404
    assert len(reply["message"]) < 100


def test_a_released_task_is_free_at_once(bench: TaskBench) -> None:
    bench.open(bench.tasks(1))
    ann, bob = bench.person("ann"), bench.person("bob")
    [task] = ann.claim()
    assert ann.release(task) == ACCEPTED
    assert ann.release(task) == ACCEPTED
    assert ids(bob.claim()) == [task["task_id"]]


def test_a_skipped_task_goes_to_somebody_else_and_never_back(bench: TaskBench) -> None:
    opened = bench.open(bench.tasks(1))
    ann, bob = bench.person("ann"), bench.person("bob")
    bob.rounds()
    [task] = ann.claim()
    ann.draft(task, 1, [BOX])
    assert ann.skip(task) == ACCEPTED
    assert ann.skip(task) == ACCEPTED
    assert ann.claim() == []
    assert ann.rounds()[0]["open"] == 0
    [same] = bob.claim()
    assert "draft" not in same
    assert bob.answer(same, {"boxes": []}) == ACCEPTED
    assert bench.rounds.progress(opened.id).by == {
        "ann": {"answered": 0, "skipped": 1},
        "bob": {"answered": 1, "skipped": 0},
    }
    assert [(skip.number, skip.who, skip.reason) for skip in bench.rounds.skips(opened.id)] == [
        (1, "ann", "too dark")
    ]


def test_what_three_have_skipped_nobody_is_asked_any_more(bench: TaskBench) -> None:
    opened = bench.open(bench.tasks(1))
    people = [bench.person(name) for name in ("ann", "bob", "cleo", "dan")]
    for person in people:
        person.rounds()
    for person in people[:3]:
        [task] = person.claim()
        assert person.skip(task, f"{person.name} cannot tell") == ACCEPTED
    assert people[3].claim() == []
    [read] = bench.rounds.tasks(opened.id)
    assert read.answer is not None
    assert [said["by"] for said in read.answer["skipped"]] == ["ann", "bob", "cleo"]
    assert (read.answered_by, list(bench.rounds.answers(opened.id))) == ("", [])
    assert bench.states.told == [opened.id]


def test_what_all_who_are_at_work_have_skipped_nobody_is_asked_any_more(bench: TaskBench) -> None:
    opened = bench.open(bench.tasks(1, each=3))
    ann, bob = bench.person("ann"), bench.person("bob")
    bench.person("sue", "supervisors").rounds()
    bob.rounds()
    ann.answer(ann.claim()[0], {"boxes": []})
    bob.skip(bob.claim()[0])
    said = [task.answer for task in bench.rounds.tasks(opened.id)]
    assert [answer and next(iter(answer)) for answer in said] == ["boxes", "skipped", "skipped"]
    assert bench.states.told == [opened.id]


def test_several_tasks_of_one_picture_go_to_different_people(bench: TaskBench) -> None:
    opened = bench.open(bench.tasks(4, each=2))
    ann, bob = bench.person("ann"), bench.person("bob")
    mine = ann.claim()
    assert len(mine) == 4
    assert bob.claim() == []
    for task in mine:
        assert ann.answer(task, {"boxes": []}) == ACCEPTED
    assert ann.claim() == []
    others = bob.claim()
    assert len(others) == 4
    for task in others:
        assert bob.answer(task, {"boxes": [BOX]}) == ACCEPTED
    kept = [(answer.image_number, answer.who) for answer in bench.rounds.answers(opened.id)]
    assert kept == [(image, who) for image in range(1, 5) for who in ("ann", "bob")]
    assert bench.states.told == [opened.id]


def test_nobody_verifies_what_they_drew(bench: TaskBench) -> None:
    bench.open(bench.tasks(3, boxes=[BOX], labeled_by=("ann", "bob")), "verify")
    ann, bob, cleo = (bench.person(name) for name in ("ann", "bob", "cleo"))
    assert ann.claim("verify") == bob.claim("verify") == []
    tasks = cleo.claim("verify")
    assert [task["boxes"] for task in tasks] == [[BOX]] * 3
    said = ({"verdict": "approve"}, {"verdict": "reject", "reason": "no"}, {"verdict": "mend", "boxes": []})
    for task, body in zip(tasks, said, strict=True):
        assert ann.answer(task, body)[0] == 403
        assert cleo.answer(task, body) == ACCEPTED


def test_only_supervisors_settle_and_only_annotators_label(bench: TaskBench) -> None:
    candidates = [{"by": "ann", "boxes": [BOX]}]
    bench.open(bench.tasks(1, candidates=candidates), "settle")
    bench.open(bench.tasks(1))
    ann, sue = bench.person("ann"), bench.person("sue", "supervisors")
    for person, kind in ((ann, "settle"), (sue, "label"), (sue, "verify")):
        assert person.ask("POST", "/tasks/claim", {"kind": kind})[0] == 403
    assert [found["open"] for found in sue.rounds() if found["kind"] == "settle"] == [1]
    assert [found["open"] for found in ann.rounds() if found["kind"] == "settle"] == [0]
    [task] = sue.claim("settle")
    assert task["candidates"] == candidates
    assert sue.answer(task, {"verdict": "approve"})[0] == 400
    assert sue.answer(task, {"boxes": [BOX]}) == ACCEPTED


@pytest.mark.parametrize("groups", ["", "approvers"])
def test_who_is_in_no_group_that_labels_gets_nothing(bench: TaskBench, groups: str) -> None:
    eve = bench.person("eve", groups)
    assert eve.ask("POST", "/tasks/claim", {"kind": "label"})[0] == 403
    assert eve.ask("GET", "/rounds")[0] == 403
    assert eve.ask("GET", "/me")[0] == 200


def test_the_rounds_are_shown_with_how_far_they_are(bench: TaskBench) -> None:
    bench.open(bench.tasks(3, boxes=[BOX], labeled_by=("cleo",)), "verify")
    opened = bench.open(bench.tasks(3))
    ann, bob = bench.person("ann"), bench.person("bob")
    [first, _] = ann.claim(limit=2)
    ann.answer(first, {"boxes": []})
    of_ann = {found["round"]: found for found in ann.rounds()}
    of_bob = {found["round"]: found for found in bob.rounds()}
    found = of_ann[opened.id]
    assert (found["model"], found["kind"], found["number"], found["total"], found["answered"]) == (
        "tags", "label", 1, 3, 1,
    )  # fmt: skip
    assert (found["open"], of_bob[opened.id]["open"]) == (2, 1)
    assert (found["mine"]["answered"], of_bob[opened.id]["mine"]["answered"]) == (1, 0)
    assert (found["status"], len(of_ann)) == ("open", 2)
    assert {found["open"] for found in bench.person("cleo").rounds()} == {0, 1}


def test_whoever_comes_is_told_who_they_are_and_what_to_draw(bench: TaskBench) -> None:
    guide = {"tags": [{"name": "scratch", "instructions": "thin", "good": ["examples/a.jpg"], "bad": []}]}
    bench.publish_guide(guide)
    status, me = bench.person("ann", "annotators,supervisors").ask("GET", "/me")
    assert (status, me["name"], me["groups"]) == (200, "ann", ["annotators", "supervisors"])
    assert me["lease_seconds"] == 600
    [model] = me["models"]
    assert (model["model"], model["classes"][0]["name"]) == ("tags", "scratch")
    assert "examples/a.jpg?" in model["classes"][0]["good"][0]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ('{"boxes": ["' + "x" * 300_000 + '"]}', 413),
        ('{"boxes": [' + "[" * 5000, 400),
        ('{"boxes": ' + "[" * 50 + "]" * 50 + "}", 400),
        ("[]", 400),
        ({"boxes": [], "verdict": "approve"}, 400),
        ({"boxes": [], "colour": "red"}, 400),
        ({"boxes": [], "unusable": "dark"}, 400),
        ({}, 400),
        ({"boxes": [{**BOX, "left": 45}]}, 400),
        ({"boxes": [{**BOX, "label": "rust"}]}, 400),
        ({"boxes": [{**BOX, "label": ["scratch"]}]}, 400),
        ({"boxes": [BOX] * 501}, 400),
        ('{"boxes": [{"label": "scratch", "left": NaN, "top": 3, "width": 20, "height": 10}]}', 400),
        ('{"boxes": [{"label": "scratch", "left": 1e999, "top": 3, "width": 20, "height": 10}]}', 400),
        ('{"boxes": [{"label": "scratch", "left": 1, "top": 3, "width": 2, "height": 1e400}]}', 400),
        ({"boxes": [], "seconds": -1}, 400),
        ({"boxes": [], "seconds": 86_401}, 400),
        ({"boxes": [], "answer_id": "x" * 65}, 400),
        ({"boxes": [], "answer_id": 7}, 400),
        ({"boxes": [], "suggestions": {"accepted": 1}}, 400),
        ({"boxes": [], "suggestions": {"accepted": 1, "moved": -1, "deleted": 0}}, 400),
        ({"unusable": ""}, 400),
        ({"unusable": "x" * 501}, 400),
        (r'{"unusable": "\ud800"}', 400),
    ],
)  # fmt: skip
def test_what_is_no_answer_is_refused_and_keeps_nothing(bench: TaskBench, body: Any, status: int) -> None:
    opened = bench.open(bench.tasks(1))
    ann = bench.person("ann")
    [task] = ann.claim()
    refused, reply = ann.answer(task, body)
    assert (refused, len(reply["message"]) < 300) == (status, True), reply
    assert list(bench.rounds.answers(opened.id)) == []
    assert ann.answer(task, {"boxes": []}) == ACCEPTED


@pytest.mark.parametrize(
    "body",
    [{"boxes": []}, {"sequence": 1}, {"boxes": [], "sequence": -1}, {"boxes": [], "sequence": 2**53},
     {"boxes": [], "sequence": 1.5}, {"boxes": [], "sequence": "1"}, {"boxes": [], "sequence": 1, "x": 1},
     {"boxes": [{**BOX, "left": 45}], "sequence": 1}],
)  # fmt: skip
def test_what_is_no_draft_is_refused(bench: TaskBench, body: Any) -> None:
    bench.open(bench.tasks(1))
    ann = bench.person("ann")
    [task] = ann.claim()
    assert ann.ask("PUT", "/tasks/{task_id}/draft", body, task["task_id"])[0] == 400
    assert "draft" not in ann.claim()[0]


def test_a_body_for_nothing_is_refused_too(bench: TaskBench) -> None:
    bench.open(bench.tasks(1))
    ann = bench.person("ann")
    [task] = ann.claim()
    for reason in (None, "", " ", "x" * 501, 7):
        assert ann.ask("POST", "/tasks/{task_id}/skip", {"reason": reason}, task["task_id"])[0] == 400
    assert ann.ask("POST", "/tasks/{task_id}/release", {"x": 1}, task["task_id"])[0] == 400
    assert ann.ask("DELETE", "/tasks/claim")[0] == 404


def test_a_supervisor_ends_a_round_with_what_it_has(bench: TaskBench) -> None:
    opened = bench.open(bench.tasks(2))
    ann = bench.person("ann")
    first, second = ann.claim()
    ann.answer(first, {"boxes": []})
    bench.rounds.end(opened.id)
    bench.rounds.end("0" * 16)
    assert bench.states.told == [opened.id]
    assert (ann.claim(), ann.rounds()) == ([], [])
    assert ann.answer(second, {"boxes": []})[0] == 409
    bench.rounds.close(opened.id)
    assert [task.answer is not None for task in bench.rounds.tasks(opened.id)].count(True) == 1
    [listed] = [item for item in bench.rounds.recent(1000) if item["pk"] == f"ROUND#{opened.id}"]
    assert listed["status"] == "closed"


def test_a_round_of_before_there_was_a_page_is_closed_and_not_shown(bench: TaskBench) -> None:
    """A deployment over a round that waits leaves it for the next execution to clear away."""
    pk, now = f"ROUND#{bench.new_round().id}", bench.now
    opened = {"kind": "label", "model": "tags", "execution": "execution:old", "token": "old", "total": 2}
    image = {"image_uri": "s3://b/k", "width": 9, "height": 9, "boxes": "[]", "labeled_by": ""}
    for item in (
        {"sk": "ROUND", **opened, "answered": 1, "status": "open", "queue": "rounds", "available_at": now},
        {"sk": "TASK#000001", **image, "rejected": "null", "answer": "{}", "answered_by": "ann"},
        {"sk": "TASK#000002", **image, "rejected": "null", "queue": "label", "available_at": now},
    ):
        bench.table.put_item(Item={"pk": pk, **item})
    assert bench.person("ann").claim() == []
    assert pk not in [item["pk"] for item in bench.rounds.recent(1000)]
    bench.rounds.close(pk.removeprefix("ROUND#"))
    assert pk not in [item["pk"] for item in bench.rounds.recent(1000)]
    left = bench.table.get_item(Key={"pk": pk, "sk": "TASK#000002"}, ConsistentRead=True)["Item"]
    assert (left["withdrawn"], "queue" in left) == (True, False)


def test_rounds_that_are_over_are_listed_after_the_open_ones(bench: TaskBench) -> None:
    over = bench.open(bench.tasks(1))
    bench.rounds.close(over.id)
    opened = bench.open(bench.tasks(1))
    recent = [item["pk"].removeprefix("ROUND#") for item in bench.rounds.recent(1000)]
    assert recent[0] == opened.id, "the only one that is open"
    assert over.id in recent[1:]


def test_a_round_of_no_tasks_is_told_of_at_once(bench: TaskBench) -> None:
    opened = bench.open([])
    assert bench.states.told == [opened.id]


def test_numbers_need_not_be_in_the_order_of_pictures(bench: TaskBench) -> None:
    uri = bench.picture("any.jpg")
    opened = bench.open([Task(2, uri, 60, 40, image_number=1), Task(1, uri, 60, 40, image_number=1)])
    for name in ("ann", "bob"):
        person = bench.person(name)
        assert person.answer(person.claim()[0], {"boxes": []}) == ACCEPTED
    assert bench.states.told == [opened.id]


def test_two_people_who_claim_at_once_never_get_the_same(bench: TaskBench) -> None:
    bench.open(bench.tasks(30))
    people = [bench.person(f"person-{number}") for number in range(10)]
    with ThreadPoolExecutor(10) as pool:
        claimed = list(pool.map(lambda person: person.claim(limit=5), people))
    handed_out = [task["task_id"] for tasks in claimed for task in tasks]
    assert len(handed_out) == len(set(handed_out)) == 30


def test_every_answer_is_json_that_the_page_can_read(bench: TaskBench) -> None:
    suggested = {"boxes": [{**BOX, "score": 0.5}], "model_package_arn": "arn"}
    bench.open(bench.tasks(1, suggested=suggested, rejected={"boxes": [], "reason": "one is missing"}))
    [task] = bench.person("ann").claim()
    assert (task["suggested"], task["rejected"]["reason"]) == (suggested, "one is missing")
    assert json.loads(json.dumps(task)) == task


def test_a_claim_and_an_answer_read_and_write_no_more_than_they_must(bench: TaskBench) -> None:
    bench.open(bench.tasks(30))
    ann = bench.person("ann")
    ann.rounds()  # known to be at work from here on
    with bench.calls() as claiming:
        tasks = ann.claim(limit=10)
    # The rounds; what is held, what came back, what is free: once round from the random place, at most.
    assert claiming.made["Query"] in (4, 5)
    assert (claiming.made["GetItem"], claiming.made["UpdateItem"], claiming.made.total() <= 16) == (
        1,
        10,
        True,
    )
    with bench.calls() as answering:
        ann.answer(tasks[0], {"boxes": [BOX]})
    # The task and the round, the writes at once, the round again, and how many are answered.
    assert answering.made == {"GetItem": 3, "TransactWriteItems": 1, "Query": 1}
