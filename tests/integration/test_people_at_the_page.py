"""People at the real page of the deployed labeling part, in a browser: what they draw comes out as labels."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from labeling_line import LabelingLine, deployed
from person import Person, arrive
from pictures import Scratches, plate
from playwright.sync_api import Browser
from round_of_twelve import (
    EMPTY,
    HEIGHT,
    MENDED,
    PICTURES,
    REJECTED,
    UNUSABLE,
    WIDTH,
    check_by_keyboard,
    check_by_mouse,
    corners,
    draw_by_keyboard,
    draw_by_mouse,
    start_by_keyboard,
)  # fmt: skip
from waiting import eventually

from lambdas.labeling.rounds import Rounds, Task
from lambdas.labeling.tasks import round_key
from local.cloud.addresses import served_at
from local.cloud.pool_users import add_user
from local.cloud.server import LocalCloud

pytestmark = pytest.mark.acceptance

SIDES = ("left", "top", "width", "height")
APART = (WIDTH // 8, HEIGHT // 8)


@pytest.fixture(scope="module")
def line(cloud: LocalCloud, tmp_path_factory: pytest.TempPathFactory) -> LabelingLine:
    return deployed(cloud, tmp_path_factory.mktemp("assembly"), "page", suggest=False)


@dataclass
class Crew:
    """Makes people with a browser each; the browser may complain of nothing."""

    line: LabelingLine
    cloud: LocalCloud
    browser: Browser
    people: list[Person]

    def person(self, name: str) -> tuple[Person, tuple[str, str]]:
        """Somebody at the page's address, and the name and password with which they sign in."""
        client = self.line.root.client("cognito-idp")
        password = add_user(client, self.line.labeling["UserPoolId"], name, ["annotators"])
        address = served_at(self.cloud.url, self.line.labeling["PageUrl"])
        self.people.append(arrive(self.browser, address.rstrip("/")))
        return self.people[-1], (name, password)

    def signed_in(self, name: str) -> Person:
        one, account = self.person(name)
        return one.sign_in(account)


@pytest.fixture
def crew(line: LabelingLine, cloud: LocalCloud, browser: Browser) -> Iterator[Crew]:
    made = Crew(line, cloud, browser, [])
    yield made
    for one in made.people:
        one.close()
    assert [text for one in made.people for text in one.complaints] == []


@dataclass
class Execution:
    """An execution that waits for people, and what is on its pictures."""

    line: LabelingLine
    arn: str
    scratches: dict[str, Scratches]

    def round(self, kind: str) -> tuple[str, dict[int, Task]]:
        """The open round of a kind, as soon as it is whole: its id, and its tasks by their number."""
        rounds = Rounds(self.line.table, None)

        def whole() -> tuple[str, dict[int, Task]] | None:
            for found in rounds.untold():
                item = rounds.read(found["round"])
                if item and (found["execution"], item["kind"]) == (self.arn, kind):
                    tasks = {task.number: task for task in rounds.tasks(found["round"])}
                    return (found["round"], tasks) if len(tasks) == item["total"] else None
            return None

        found: tuple[str, dict[int, Task]] = eventually(whole)
        return found

    def on(self, tasks: dict[int, Task]) -> Callable[[int], Scratches]:
        return lambda number: self.scratches[tasks[number].image_uri]


@pytest.fixture
def begun(line: LabelingLine, tmp_path: Path, request: pytest.FixtureRequest) -> Callable[[int], Execution]:
    """Uploads so many pictures of plates and starts an execution for them."""

    def begin(count: int) -> Execution:
        scratches: dict[str, Scratches] = {}
        first = 1000 * sum(map(ord, request.node.name))
        for number in range(count):
            path = tmp_path / f"{number}.jpg"
            drawn = plate(path, WIDTH, HEIGHT, first + number)
            uri = line.upload(f"{request.node.name}/{number:02}.jpg", path.read_bytes())
            scratches[uri] = drawn
        return Execution(line, line.start(), scratches)

    return begin


def test_a_round_is_drawn_and_checked_by_mouse(crew: Crew, begun: Callable[[int], Execution]) -> None:
    execution = begun(PICTURES)
    _, tasks = execution.round("label")
    ada = crew.signed_in("ada-by-mouse").start()
    draw_by_mouse(ada, execution.on(tasks))
    ben = crew.signed_in("ben-by-mouse").start("Check")
    checked = execution.round("verify")[1]
    check_by_mouse(ben)
    redraw(ada, execution, draw_by_mouse)
    back_to_the_rounds(ben).start("Check")
    check_the_rest(ben, lambda: ben.answer("Approve"))
    assert_labels(execution, tasks, checked, slack=2)


def test_a_round_is_drawn_and_checked_by_keyboard_alone(
    crew: Crew, begun: Callable[[int], Execution]
) -> None:
    execution = begun(PICTURES)
    _, tasks = execution.round("label")
    ada = start_by_keyboard(*crew.person("ada-by-keyboard"))
    draw_by_keyboard(ada, execution.on(tasks))
    checked = execution.round("verify")[1]
    ben = start_by_keyboard(*crew.person("ben-by-keyboard"))
    check_by_keyboard(ben)
    redraw(ada, execution, draw_by_keyboard)
    back_to_the_rounds(ben).start("Check")
    check_the_rest(ben, lambda: ben.press("Enter"))
    assert_labels(execution, tasks, checked, slack=0.01)


def back_to_the_rounds(one: Person) -> Person:
    one.page.goto(one.address)
    one.page.get_by_role("heading", name="Rounds").wait_for()
    return one


def redraw(one: Person, execution: Execution, draw: Callable[..., None]) -> None:
    """Draw again what was rejected, by its picture: it comes back in a round of its own."""
    _, tasks = execution.round("label")
    back_to_the_rounds(one).start()
    draw(one, execution.on(tasks))


def check_the_rest(one: Person, approve: Callable[[], None]) -> None:
    while not one.at_the_end():
        task = one.task
        approve()
        one.next_after(task)


def assert_labels(
    execution: Execution, drawn: dict[int, Task], checked: dict[int, Task], *, slack: float
) -> None:
    line, output = execution.line, execution.line.result(execution.arn)
    assert (output["labeled"], output["quarantined"], output["unresolved"]) == (PICTURES - 1, 1, 0)
    found = {labeled["source-ref"]: labeled for labeled in line.lines(output["manifest"])}
    assert line.item(drawn[UNUSABLE].image_uri)["status"] == "quarantined"
    assert checked[REJECTED].image_uri in found
    for number, task in drawn.items():
        if number == UNUSABLE:
            continue
        boxes = found[task.image_uri]["labels"]["annotations"]
        expected = [] if number == EMPTY else execution.scratches[task.image_uri]
        mended = task.image_uri == checked[MENDED].image_uri
        assert len(boxes) == len(expected) + mended, f"picture {number}"
        for box, scratch in zip(boxes, expected, strict=False):
            assert [box[side] for side in SIDES] == pytest.approx(scratch, abs=slack), f"picture {number}"


def test_two_people_at_once_never_draw_on_the_same_picture(
    crew: Crew, begun: Callable[[int], Execution]
) -> None:
    execution = begun(6)
    _, tasks = execution.round("label")
    people = [crew.signed_in("ada-of-two").start(), crew.signed_in("ben-of-two").start()]
    shown: list[list[str]] = [[], []]
    for _ in range(3):
        for seen, one in zip(shown, people, strict=True):
            seen.append(one.task)
        for one, seen in zip(people, shown, strict=True):
            one.answer("Nothing here")
            one.next_after(seen[-1])
    assert len({*shown[0], *shown[1]}) == len(tasks)
    assert all(one.at_the_end() for one in people)
    finish(execution)


def test_a_tab_that_is_closed_in_the_middle_loses_nothing(
    crew: Crew, begun: Callable[[int], Execution]
) -> None:
    execution = begun(1)
    round_id, _ = execution.round("label")
    one, account = crew.person("ada-who-closes")
    one.sign_in(account).start()
    one.drag(*corners(one, (40, 40, *APART)))
    one.drag(*corners(one, (300, 200, *APART)))
    again = one.page.context.new_page()
    one.page.close(run_before_unload=False)  # at once: the last box has not been sent
    one.page = again
    # Another tab of the browser asks for no password: the sign-in page remembers.
    one.sign_in().start()
    assert one.task == f"{round_id}-1"
    assert len(one.list()) == 2
    one.answer("Done")
    one.next_after(f"{round_id}-1")
    finish(execution)


def test_a_picture_whose_lease_is_over_goes_to_somebody_else_and_is_answered_once(
    crew: Crew, begun: Callable[[int], Execution]
) -> None:
    execution = begun(1)
    round_id, _ = execution.round("label")
    ada = crew.signed_in("ada-who-leaves").start()
    ada.drag(*corners(ada, (40, 40, *APART)))
    ada.saved()
    ada.page.context.set_offline(True)  # as if her machine slept for ten minutes
    execution.line.table.update_item(
        Key={"pk": round_key(round_id)["pk"], "sk": task_key(execution.line, round_id)},
        UpdateExpression="SET available_at = :now",
        ExpressionAttributeValues={":now": int(time.time()) - 1},
    )
    ben = crew.signed_in("ben-who-takes-over").start()
    assert ben.task == f"{round_id}-1"
    ben.answer("Nothing here")
    ben.next_after(f"{round_id}-1")
    ada.page.context.set_offline(False)
    ada.answer("Done")
    ada.page.locator(".notice", has_text="answered already").or_(
        ada.page.locator(".notice", has_text="not yours")
    ).first.wait_for()
    assert len(ada.list()) == 1, "what she drew is there to look at"
    ada.complaints[:] = [text for text in ada.complaints if "ApiError" not in text]
    output = finish(execution)
    [labeled] = execution.line.lines(output["manifest"])
    assert labeled["labels"]["annotations"] == []


def task_key(line: LabelingLine, round_id: str) -> str:
    [item] = line.table.query(
        KeyConditionExpression="pk = :pk AND begins_with(sk, :task)",
        ExpressionAttributeValues={":pk": round_key(round_id)["pk"], ":task": "TASK#"},
    )["Items"]
    return str(item["sk"])


def finish(execution: Execution) -> dict[str, Any]:
    """Let somebody approve what was drawn."""
    line = execution.line

    def approved() -> bool:
        for task in line.bob.claim("verify"):
            line.bob.answer(task, {"verdict": "approve"})
        return line.has_ended(execution.arn)

    eventually(approved)
    return line.result(execution.arn)
