"""Faults while people label: whatever is cut off, every task is answered once and no answer is lost."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError
from faults.cut_table import CutError, CutTable
from task_bench import BOX, BUCKET, ManyMinutes, Person, TaskBench, bench_of

from lambdas.labeling.payloads import Deadline
from lambdas.labeling.rounds import Round, Rounds
from local.cloud.server import LocalCloud

ACCEPTED = (200, {"accepted": True})


@pytest.fixture
def bench(cloud: LocalCloud) -> Iterator[TaskBench]:
    with bench_of(cloud).cleared() as cleared:
        yield cleared


def again_if_cut(step: Callable[[], Any]) -> Any:
    """Do what the page and the state machine do when nothing comes back: ask again."""
    try:
        return step()
    except CutError:
        return step()


def at_once(*steps: Callable[[], Any]) -> list[Any]:
    """Let each wait for the others before it begins."""
    ready = threading.Barrier(len(steps))

    def begin(step: Callable[[], Any]) -> Any:
        ready.wait()
        return step()

    with ThreadPoolExecutor(len(steps)) as pool:
        return list(pool.map(begin, steps))


def assert_all_answered_once(bench: TaskBench, opened: Round, total: int) -> None:
    answers = [task.answer for task in bench.rounds.tasks(opened.id)]
    assert len(answers) == total
    assert all(answer is not None for answer in answers)
    kept = [(answer.number, answer.image_number, answer.who) for answer in bench.rounds.answers(opened.id)]
    assert sorted(number for number, _, _ in kept) == list(range(1, total + 1))
    assert len({(image, who) for _, image, who in kept}) == total
    assert bench.rounds.progress(opened.id).answered == total
    assert bench.states.told == [opened.id]


def work(person: Person, number: int) -> None:
    """Claim, draw, save, answer, as the page does; asked again if nothing comes back."""
    for task in again_if_cut(lambda: person.claim(limit=number)):
        assert again_if_cut(lambda task=task: person.draft(task, 1, [BOX]))[0] == 200
        assert again_if_cut(lambda task=task: person.answer(task, {"boxes": [BOX]})) == ACCEPTED


def cut_story(bench: TaskBench, *, at: int, before: bool) -> tuple[Round, bool]:
    """Two pictures for two people each; one skips, one gives back. Cut at one write, if it comes to that."""
    table = CutTable(bench.table, at=at, before=before)
    opened = bench.new_round()
    rounds, tasks = Rounds(table, bench.states), bench.tasks(2, each=2)
    context = Deadline(ManyMinutes())
    again_if_cut(lambda: rounds.open(opened, tasks, token=bench.token(opened), deadline=context))
    bench.workbench = bench.served_by(table)
    ann, bob, cleo = (bench.person(name) for name in ("ann", "bob", "cleo"))
    for person in (ann, bob, cleo):
        again_if_cut(person.rounds)
    for leave in (cleo.skip, bob.release):
        [task] = again_if_cut(lambda leave=leave: leave.__self__.claim(limit=1))
        assert again_if_cut(lambda leave=leave, task=task: leave(task)) == ACCEPTED
    for person in (ann, bob):
        work(person, 2)
    ann.rounds()  # the page asks now and then
    again_if_cut(lambda: rounds.close(opened.id))
    return opened, table.made >= at


@pytest.mark.acceptance
@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
def test_a_function_that_ends_at_any_write_loses_and_doubles_nothing(bench: TaskBench, before: bool) -> None:
    cuts = 0
    while True:
        opened, was_cut = cut_story(bench, at=cuts + 1, before=before)
        assert_all_answered_once(bench, opened, 4)
        if not was_cut:
            break
        cuts += 1
        bench.states.told.clear()
    assert cuts > 25


def test_a_lease_that_expires_in_mid_save_keeps_the_draft_or_says_whose_the_task_is(bench: TaskBench) -> None:
    bench.open(bench.tasks(20))
    ann, bob = bench.person("ann"), bench.person("bob")
    for task in ann.claim(limit=20):
        bench.end_lease(task)
        (status, _), claimed = at_once(
            lambda task=task: ann.draft(task, 1, [BOX]), lambda: bob.claim(limit=1)
        )
        kept = bench.task(task)
        if status == 200:
            assert (kept["lessee"], kept["drafted_by"], claimed) == ("ann", "ann", [])
        else:
            assert (status, kept["lessee"]) == (403, "bob")
            assert [mine["task_id"] for mine in claimed] == [task["task_id"]]
            assert "draft" not in kept
            bob.answer(task, {"boxes": []})
        ann.answer(task, {"boxes": []})


def test_an_answer_that_is_sent_twice_at_once_is_kept_once(bench: TaskBench) -> None:
    opened = bench.open(bench.tasks(5))
    ann = bench.person("ann")
    for task in ann.claim():
        body = {"boxes": [BOX], "answer_id": f"id-{task['task_id']}"}
        replies = at_once(*[lambda task=task, body=body: ann.answer(task, body)] * 4)
        assert replies == [ACCEPTED] * 4
    assert_all_answered_once(bench, opened, 5)


def test_two_answers_to_one_task_at_once_leave_the_first(bench: TaskBench) -> None:
    opened = bench.open(bench.tasks(5))
    ann = bench.person("ann")
    for task in ann.claim():
        said = [{"boxes": [BOX]}, {"boxes": []}]
        statuses = [status for status, _ in at_once(*[
            lambda task=task, body=body: ann.answer(task, body) for body in said
        ])]  # fmt: skip
        assert sorted(statuses) == [200, 409]
        kept = [answer.answer for answer in bench.rounds.answers(opened.id)]
        assert said[statuses.index(200)] in kept
    assert_all_answered_once(bench, opened, 5)


def test_a_function_that_fails_after_its_write_tells_the_token_when_asked_again(
    bench: TaskBench,
) -> None:
    opened = bench.open(bench.tasks(1))
    ann = bench.person("ann")
    [task] = ann.claim()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Rounds, "complete", _dies)
        with pytest.raises(CutError):
            ann.answer(task, {"boxes": []})
    assert bench.states.told == []
    assert ann.answer(task, {"boxes": []}) == ACCEPTED
    assert_all_answered_once(bench, opened, 1)


@pytest.mark.parametrize("look", ["claim", "rounds"])
def test_a_token_that_was_not_told_is_told_by_the_next_who_looks(bench: TaskBench, look: str) -> None:
    opened = bench.open(bench.tasks(1))
    ann, bob = bench.person("ann"), bench.person("bob")
    [task] = ann.claim()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Rounds, "complete", _dies)
        with pytest.raises(CutError):
            ann.answer(task, {"boxes": []})
    assert getattr(bob, look)() == []
    assert_all_answered_once(bench, opened, 1)


def test_a_round_whose_token_cannot_be_told_stands_in_nobodys_way(
    bench: TaskBench, caplog: pytest.LogCaptureFixture
) -> None:
    stuck, other = bench.open(bench.tasks(1)), bench.open(bench.tasks(1))
    ann, bob = bench.person("ann"), bench.person("bob")
    [task] = ann.claim(round=stuck.id)
    denied = ClientError({"Error": {"Code": "AccessDeniedException"}}, "SendTaskSuccess")

    def deny(**_: str) -> None:
        raise denied

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bench.states, "send_task_success", deny)
        assert ann.answer(task, {"boxes": []}) == ACCEPTED
        assert [found["round"] for found in bob.claim()] == [other.id]
    assert f"round {stuck.id}: the state machine could not be told" in caplog.text
    bob.claim()
    assert_all_answered_once(bench, stuck, 1)


def _dies(*_: Any) -> bool:
    raise CutError


def test_a_round_that_is_closed_while_someone_draws_takes_nothing_more_and_says_so(bench: TaskBench) -> None:
    opened = bench.open(bench.tasks(2))
    ann = bench.person("ann")
    task, _ = ann.claim()
    assert ann.draft(task, 1, [BOX])[0] == 200
    bench.rounds.close(opened.id)
    for status, reply in (ann.draft(task, 2, [BOX]), ann.answer(task, {"boxes": [BOX]}), ann.skip(task)):
        assert (status, reply["message"][:17]) == (409, "the round is over")
    assert ann.claim() == []
    assert list(bench.rounds.answers(opened.id)) == []


def test_answers_that_meet_the_closing_are_kept_or_refused_and_never_half(bench: TaskBench) -> None:
    opened = bench.open(bench.tasks(12))
    people = [bench.person(f"person-{number}") for number in range(4)]
    held = [(person, task) for person in people for task in person.claim(limit=3)]
    replies = at_once(
        lambda: bench.rounds.close(opened.id),
        *[lambda person=person, task=task: person.answer(task, {"boxes": []}) for person, task in held],
    )[1:]  # fmt: skip
    after = {task.number for task in bench.rounds.tasks(opened.id) if task.answer is not None}
    accepted = {int(task["task_id"].split("-")[1]) for (_, task), reply in zip(held, replies, strict=True)
                if reply == ACCEPTED}  # fmt: skip
    assert after == accepted == {answer.number for answer in bench.rounds.answers(opened.id)}
    assert {status for status, _ in replies} <= {200, 409}
    assert bench.rounds.progress(opened.id).answered == len(accepted)


def test_a_closing_that_is_cut_off_is_finished_by_the_next(bench: TaskBench) -> None:
    opened = bench.open(bench.tasks(6))
    ann = bench.person("ann")
    tasks = ann.claim()
    table = CutTable(bench.table, at=3, before=True)
    with pytest.raises(CutError):
        Rounds(table, bench.states).close(opened.id)
    assert [ann.answer(task, {"boxes": []})[0] for task in tasks] == [409] * 6
    bench.rounds.close(opened.id)
    assert all("withdrawn" in bench.task(task) for task in tasks)


def test_people_who_claim_at_once_never_get_the_same_task(bench: TaskBench) -> None:
    bench.open(bench.tasks(30))
    people = [bench.person(f"person-{number}") for number in range(10)]
    claimed = at_once(*[lambda person=person: person.claim(limit=3) for person in people])
    handed_out = [task["task_id"] for tasks in claimed for task in tasks]
    assert len(handed_out) == len(set(handed_out)) == 30


def test_one_who_claims_in_two_windows_gets_one_task_of_a_picture(bench: TaskBench) -> None:
    opened = bench.open(bench.tasks(5, each=2))
    ann, bob = bench.person("ann"), bench.person("bob")
    for _ in range(3):
        for tasks in at_once(ann.claim, ann.claim):
            for task in tasks:
                ann.answer(task, {"boxes": []})
    assert [answer.who for answer in bench.rounds.answers(opened.id)] == ["ann"] * 5
    for task in bob.claim():
        bob.answer(task, {"boxes": []})
    assert_all_answered_once(bench, opened, 10)


def test_a_task_whose_picture_is_gone_is_handed_to_nobody(bench: TaskBench) -> None:
    tasks = bench.tasks(4, each=2)
    gone = bench.picture("gone.jpg")
    tasks += [type(tasks[0])(9 + copy, gone, 60, 40, image_number=5) for copy in range(2)]
    opened = bench.open(tasks)
    ann, bob = bench.person("ann"), bench.person("bob")
    bench.s3.delete_object(Bucket=BUCKET, Key=gone.removeprefix(f"s3://{BUCKET}/"))
    for person in (ann, bob):
        claimed = person.claim()
        assert (len(claimed), gone in {task["image_uri"] for task in claimed}) == (4, False)
        for task in claimed:
            assert person.answer(task, {"boxes": []}) == ACCEPTED
    ann.claim()  # the last of the tasks of the picture that is gone
    answers = {task.number: task for task in bench.rounds.tasks(opened.id)}
    assert [(answers[number].answered_by, answers[number].answer) for number in (9, 10)] == [
        ("", {"unusable": "the picture is gone"})
    ] * 2
    assert bench.states.told == [opened.id]


def test_a_picture_that_goes_while_somebody_draws_on_it_keeps_its_answer(bench: TaskBench) -> None:
    gone = bench.picture("drawn-on.jpg")
    opened = bench.open([type(bench.tasks(1)[0])(1, gone, 60, 40)])
    ann = bench.person("ann")
    [task] = ann.claim()
    bench.s3.delete_object(Bucket=BUCKET, Key=gone.removeprefix(f"s3://{BUCKET}/"))
    assert ann.answer(task, {"boxes": [BOX]}) == ACCEPTED
    assert_all_answered_once(bench, opened, 1)


def test_a_round_whose_token_is_lost_keeps_its_answers_for_who_comes_with_a_new_one(bench: TaskBench) -> None:
    tasks = bench.tasks(2)
    opened = bench.open(tasks)
    bench.states.waits.clear()  # the state machine has died, or has been given up
    ann = bench.person("ann")
    for task in ann.claim():
        assert ann.answer(task, {"boxes": []}) == ACCEPTED
    assert bench.states.told == []
    bench.states.waits.add("another token")
    bench.rounds.open(opened, tasks, token="another token", deadline=Deadline(ManyMinutes()))
    assert_all_answered_once(bench, opened, 2)
