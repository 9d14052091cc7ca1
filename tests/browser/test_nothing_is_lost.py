"""What happens: a tab is closed, the network goes, a lease ends, a session ends, two want the same."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from fake_api import FakeCloud
from fake_tasks import Task
from person import Person

pytestmark = pytest.mark.acceptance
Targets = Callable[..., str]
People = Callable[..., Person]


@pytest.fixture
def tasks(cloud: FakeCloud, targets: Targets) -> list[Task]:
    """Four pictures to draw on."""
    names = [(targets(f"p{n}.png", (640, 480), (100 + 50 * n, 100, 80, 60)), 640, 480) for n in range(4)]
    return cloud.tasks.open("r1", "label", names)


def draw(one: Person, dx: int = 0) -> None:
    x, y = one.middle()
    one.drag((x + dx, y), (x + dx + 90, y + 70))


def shown(cloud: FakeCloud, one: Person) -> Task:
    return cloud.tasks._found(one.task)


def until(true: Callable[[], Any], one: Person) -> None:
    for _ in range(600):
        if true():
            return
        one.page.wait_for_timeout(100)
    raise AssertionError("it does not happen")


def expect_notice(one: Person, text: str) -> None:
    one.page.locator(".notice", has_text=text).wait_for()


def forgive(one: Person) -> None:
    """The page writes what the API refused; it may write of nothing else."""
    one.complaints[:] = [line for line in one.complaints if "ApiError" not in line]


def test_a_closed_tab_loses_nothing(cloud: FakeCloud, person: People, tasks: list[Task]) -> None:
    ada = person().sign_in().start()
    task = ada.task
    draw(ada)
    draw(ada, -200)
    again = ada.page.context.new_page()
    ada.page.close(run_before_unload=False)  # at once: the last box has not been sent
    ada.page = again
    ada.sign_in().start()
    assert ada.task == task
    assert len(ada.list()) == 2
    ada.answer("Done")
    until(lambda: cloud.tasks._found(task).answer, ada)
    assert len(cloud.tasks._found(task).boxes) == 2


def test_another_machine_goes_on_from_the_draft(cloud: FakeCloud, person: People, tasks: list[Task]) -> None:
    ada = person().sign_in().start()
    task = ada.task
    draw(ada)
    ada.saved()
    elsewhere = person().sign_in().start()
    assert elsewhere.task == task
    assert len(elsewhere.list()) == 1


def test_two_people_never_get_the_same_picture(cloud: FakeCloud, person: People, tasks: list[Task]) -> None:
    ada = person("ada").sign_in().start()
    ben = person("ben").sign_in().start()
    seen: dict[str, set[str]] = {"ada": set(), "ben": set()}
    for _ in range(2):
        for one, name in ((ada, "ada"), (ben, "ben")):
            task = one.task
            seen[name].add(task)
            one.answer("Nothing here")
            one.page.locator(f'.stage[data-task]:not([data-task="{task}"]), #end').first.wait_for(
                state="attached"
            )
    assert not seen["ada"] & seen["ben"]
    assert all(task.answer is not None for task in tasks)
    assert {task.answered_by for task in tasks} == {"ada", "ben"}


def test_a_lease_that_is_lost_is_said_and_the_work_stays(
    cloud: FakeCloud, person: People, tasks: list[Task]
) -> None:
    ada = person("ada").sign_in().start()
    task = shown(cloud, ada)
    draw(ada)
    ada.saved()
    with cloud.tasks.lock:
        task.holder, task.until = "ben", time.time() + 600
    draw(ada, -200)
    expect_notice(ada, "not yours, or no longer")
    assert len(ada.list()) == 2, "what was drawn is there to look at"
    ada.press("Delete", "n")
    assert len(ada.list()) == 2, "and cannot be changed"
    ada.answer("Next picture")
    ada.page.locator(f'.stage[data-task]:not([data-task="{task.task_id}"])').wait_for()
    assert ada.ready().list() == []
    forgive(ada)


def test_an_answer_to_a_lost_task_is_not_passed_over(
    cloud: FakeCloud, person: People, tasks: list[Task]
) -> None:
    ada = person("ada").sign_in().start()
    task = shown(cloud, ada)
    draw(ada)
    ada.saved()
    with cloud.tasks.lock:
        task.holder = task.answered_by = "ben"
        task.answer = {"boxes": []}
    ada.answer("Done")
    expect_notice(ada, "answered already")
    assert len(ada.list()) == 1
    forgive(ada)


def test_somebody_who_only_looks_keeps_the_lease(cloud: FakeCloud, person: People, tasks: list[Task]) -> None:
    cloud.tasks.lease_seconds = 6
    ada = person().sign_in().start()
    task = shown(cloud, ada)
    first = task.until
    for step in range(45):
        ada.page.mouse.move(300 + step, 300)
        ada.page.wait_for_timeout(150)
    assert task.until > first
    assert task.until > time.time()


def test_without_a_connection_work_goes_on(cloud: FakeCloud, person: People, tasks: list[Task]) -> None:
    ada = person().sign_in().start()
    ada.page.wait_for_timeout(500)  # the next picture comes ahead
    first = ada.task
    cloud.down = True
    draw(ada)
    expect_notice(ada, "No connection")
    ada.answer("Done")
    ada.page.locator(f'.stage[data-task]:not([data-task="{first}"])').wait_for()
    second = ada.ready().task
    draw(ada)
    cloud.down = False
    until(lambda: cloud.tasks._found(first).answer, ada)
    ada.page.locator(".notice", has_text="No connection").wait_for(state="detached")
    ada.saved()
    assert cloud.tasks._found(second).draft is not None
    assert len(cloud.tasks._found(first).boxes) == 1
    forgive(ada)


def test_busy_answers_are_sent_again_and_count_once(
    cloud: FakeCloud, person: People, tasks: list[Task]
) -> None:
    ada = person().sign_in().start()
    task = shown(cloud, ada)
    ada.page.wait_for_timeout(500)
    cloud.failures = [503, 503]
    ada.answer("Nothing here")
    until(lambda: task.answer is not None, ada)
    forgive(ada)


def test_a_session_that_ends_loses_nothing(cloud: FakeCloud, person: People, tasks: list[Task]) -> None:
    cloud.token_seconds, cloud.refreshable = 65, False
    ada = person().sign_in().start()
    task = ada.task
    draw(ada)
    ada.page.wait_for_timeout(6000)
    draw(ada, -200)
    expect_notice(ada, "session has ended")
    cloud.token_seconds, cloud.refreshable = 1800, True
    ada.page.locator(".notice").get_by_role("button", name="Sign in").click()
    ada.page.wait_for_url(f"{cloud.page}/#/work/**")
    assert ada.ready().task == task, "back at the same picture"
    assert len(ada.list()) == 2
    forgive(ada)


def test_a_session_that_ended_meanwhile_leads_to_the_sign_in(
    cloud: FakeCloud, person: People, tasks: list[Task]
) -> None:
    cloud.token_seconds, cloud.refreshable = 30, False
    ada = person()
    ada.page.goto(cloud.page)
    ada.page.get_by_role("button", name="Sign in").click()
    ada.page.wait_for_url(f"{cloud.page}/")
    ada.page.get_by_role("button", name="Sign in").wait_for()
    cloud.token_seconds = 1800
    ada.sign_in()


def test_tokens_are_renewed_unseen(cloud: FakeCloud, person: People, tasks: list[Task]) -> None:
    cloud.token_seconds = 30  # under a minute: renewed before each request
    ada = person().sign_in().start()
    ada.answer("Nothing here")
    until(lambda: any(task.answer for task in tasks), ada)
    assert not ada.page.locator(".notice").count()


def test_one_tab_draws_at_a_time(cloud: FakeCloud, person: People, tasks: list[Task]) -> None:
    ada = person().sign_in().start()
    first = ada.page
    ada.page = first.context.new_page()
    ada.sign_in()
    ada.page.get_by_role("link", name="Draw", exact=True).click()
    ada.page.get_by_role("heading", name="You draw in another tab").wait_for()
    ada.page.get_by_role("button", name="Go on here").click()
    ada.ready()
    first.get_by_role("heading", name="Rounds").wait_for()


def test_a_skipped_picture_goes_to_somebody_else(cloud: FakeCloud, person: People, tasks: list[Task]) -> None:
    ada = person().sign_in().start()
    task = shown(cloud, ada)
    ada.press("s")
    ada.page.get_by_label("In your own words").fill("The tag is torn.")
    ada.page.get_by_role("dialog").get_by_role("button", name="Skip").click()
    ada.page.locator(f'.stage[data-task]:not([data-task="{task.task_id}"])').wait_for()
    assert task.skipped_by == {"ada"}
    assert task.answer is None


def test_leaving_gives_back_what_was_not_shown(cloud: FakeCloud, person: People, tasks: list[Task]) -> None:
    ada = person().sign_in().start()
    until(lambda: sum(task.holder == "ada" for task in tasks) == 2, ada)
    kept = ada.task
    ada.page.get_by_role("link", name="Back to the rounds").click()
    until(lambda: [task.task_id for task in tasks if task.holder == "ada"] == [kept], ada)


def test_a_picture_that_is_gone_can_be_skipped(cloud: FakeCloud, person: People, tasks: list[Task]) -> None:
    for task in tasks:
        (cloud.pictures / task.picture).unlink()
    ada = person().sign_in()
    ada.page.get_by_role("link", name="Draw", exact=True).click()
    ada.page.get_by_text("The picture cannot be shown").wait_for()
    ada.answer("Skip")
    ada.page.get_by_role("radio").first.check()
    ada.page.get_by_role("dialog").get_by_role("button", name="Skip").click()
    until(lambda: sum(bool(task.skipped_by) for task in tasks) == 1, ada)


def test_suggestions_are_answered_one_by_one(cloud: FakeCloud, person: People, targets: Targets) -> None:
    suggested = [
        {
            "label": "scratch",
            "left": 100 + 130 * n,
            "top": 200,
            "width": 80,
            "height": 60,
            "score": 0.9 - n / 10,
        }
        for n in range(3)
    ]
    name = targets("s.png", (640, 480), (100, 200, 80, 60))
    more = {"suggested": {"boxes": suggested, "model_package_arn": "arn"}}
    [task] = cloud.tasks.open("r1", "label", [(name, 640, 480)], **more)
    ada = person().sign_in().start()
    ada.answer("Done")
    expect_notice(ada, "3 suggestions wait for your word")
    ada.press("b", "a", "b", "Delete", "b", "b", "ArrowLeft", "Enter")
    until(lambda: task.answer is not None, ada)
    assert task.answer is not None
    assert task.answer["suggestions"] == {"accepted": 1, "moved": 1, "deleted": 1}
    assert len(task.boxes) == 2


def test_a_supervisor_chooses_among_candidates(cloud: FakeCloud, person: People, targets: Targets) -> None:
    box = {"label": "scratch", "left": 100, "top": 200, "width": 80, "height": 60}
    name = targets("c.png", (640, 480), (100, 200, 80, 60))
    candidates = [{"by": "ada", "boxes": []}, {"by": "ben", "boxes": [box]}]
    [task] = cloud.tasks.open("r1", "settle", [(name, 640, 480)], candidates=candidates)
    cloud.groups["dora"] = ["annotators", "supervisors"]
    dora = person("dora").sign_in().start("Last word")
    dora.press("c", "c", "Enter")
    until(lambda: task.answer is not None, dora)
    assert task.boxes == [box]


def test_why_it_came_back_is_said(cloud: FakeCloud, person: People, targets: Targets) -> None:
    box = {"label": "dent", "left": 100, "top": 200, "width": 80, "height": 60}
    name = targets("r.png", (640, 480), (100, 200, 80, 60))
    rejected = {"boxes": [box], "reason": "The box is too wide <b>by far</b>"}
    [task] = cloud.tasks.open("r1", "label", [(name, 640, 480)], rejected=rejected)
    ada = person().sign_in().start()
    ada.page.get_by_text("The box is too wide <b>by far</b>").wait_for()
    ada.page.get_by_role("button", name="Start from those boxes").click()
    ada.answer("Done")
    until(lambda: task.answer is not None, ada)
    assert task.boxes == [box]
