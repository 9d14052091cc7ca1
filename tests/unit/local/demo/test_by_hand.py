"""What the user is told, when the pictures that nobody took go to the crew, and what of it is said."""

import io
from collections.abc import Sequence
from dataclasses import replace

import pytest

from local.demo.by_hand import ByHand, Invitation, as_time, local_time
from local.demo.enter_key import EnterKey
from local.demo.workbench import OpenRound, Task, Workbench

CLOSES = "2026-11-24T16:40:00Z"
ROUND = OpenRound("abc", "label", 1, total=100, answered=0, open=100, mine=0, closes_at=CLOSES)
CHECKS = OpenRound("def", "verify", 1, total=100, answered=90, open=4, mine=0, closes_at=CLOSES)
INVITATION = Invitation("http://d1.localhost:4/", "you", "Aa1-secret", ("scratch", "dent"), "cleo")


class Key(EnterKey):
    """A terminal, or none, on which a test presses Enter."""

    def __init__(self, there: bool) -> None:
        super().__init__(io.StringIO())
        self.there, self.pressed = there, False

    @property
    def is_there(self) -> bool:
        return self.there

    def is_pressed(self) -> bool:
        pressed, self.pressed = self.pressed, False
        return pressed


class Page(Workbench):
    """Shows the rounds that the test sets, as the user sees them."""

    def __init__(self) -> None:
        super().__init__("http://127.0.0.1:9/", lambda: "token")
        self.shown: list[OpenRound] = []
        self.answered, self.drawn = 100, 12
        self.given_back: list[str] = []

    def rounds(self) -> list[OpenRound]:
        return self.shown

    def give_back(self, kind: str) -> None:
        self.given_back.append(kind)

    def supervision(self) -> dict[str, object]:
        rounds = [{"round": "abc", "total": 100, "answered": self.answered}]
        people = [{"name": name, "label": {"answered": self.drawn}} for name in ("ada", "you")]
        return {"rounds": rounds, "people": people}


class Scene:
    """A run with a user: `now` goes on by a second at each look."""

    def __init__(self, wanted: int = 12, *, terminal: bool = True) -> None:
        self.page, self.key = Page(), Key(terminal)
        self.said: list[str] = []
        self.does: list[str] = []
        self.now = as_time(CLOSES).timestamp() - 72 * 3600
        self.hands = ByHand(
            wanted, INVITATION, self.page, self.key,
            say=self.said.append, doing=self.does.append, clock=lambda: self.now,
        )  # fmt: skip

    def look(self, *rounds: OpenRound, times: int = 1) -> None:
        self.page.shown = list(rounds)
        for _ in range(times):
            self.now += 1
            self.hands.look()

    def crew_takes(self) -> int:
        """Let the crew claim as often as it gets something; how many that are."""
        taken = 0
        while tasks := self.hands.share.claim(10, _tasks) if taken < 1000 else []:
            taken += len(tasks)
        return taken


def _tasks(limit: int) -> Sequence[Task]:
    return [Task("t", "label", "s3://b/k", "http://p", 9, 9, ("scratch",), ())] * limit


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_the_user_is_told_once_where_the_page_is_and_how_to_come_in(scene: Scene) -> None:
    scene.look()
    assert scene.said == []
    scene.look(ROUND, times=3)
    text = "\n".join(scene.said)
    come_in = ("12 of 100 pictures wait for you", "http://d1.localhost:4/", "Username   you", "Aa1-secret")
    for told in (*come_in, "scratch or dent", "cleo", "Press Enter here", local_time(CLOSES)):
        assert text.count(told) == 1, told


def test_without_a_terminal_nobody_is_told_to_press_anything() -> None:
    scene = Scene(terminal=False)
    scene.look(ROUND)
    assert "Enter" not in "\n".join([*scene.said, *scene.does])
    assert f"until you are done, or until {local_time(CLOSES)}" in "\n".join(scene.said)


def test_the_crew_leaves_the_users_pictures_alone_as_long_as_they_are_at_it(scene: Scene) -> None:
    assert scene.crew_takes() == 0
    scene.look(ROUND)
    assert scene.crew_takes() == 88
    scene.look(replace(ROUND, answered=93, mine=5, open=7), times=10)
    assert scene.crew_takes() == 0
    assert scene.does[-1] == "5 of 12 by hand (Enter: enough)"


def test_enter_hands_over_what_is_left(scene: Scene) -> None:
    scene.look(ROUND)
    scene.key.pressed = True
    scene.look(ROUND)
    assert scene.crew_takes() >= 100
    assert "what is open on your page stays yours" in scene.said[-1]


def test_enter_before_anything_waits_hands_nothing_over(scene: Scene) -> None:
    scene.key.pressed = True
    scene.look()
    assert scene.hands.share.is_kept


def test_who_skips_what_is_left_has_no_work_and_the_crew_does_it(scene: Scene) -> None:
    scene.look(ROUND)
    scene.crew_takes()
    scene.look(replace(ROUND, answered=99, mine=11, open=0), times=2)
    assert scene.crew_takes() == 0
    scene.look(replace(ROUND, answered=99, mine=11, open=0))
    assert scene.crew_takes() > 0
    assert scene.said[-1] == "  11 of 12 by hand: thank you. cleo checks them now."


def test_a_round_whose_tasks_are_still_being_made_is_not_taken_for_done(scene: Scene) -> None:
    scene.look(replace(ROUND, open=0), times=10)
    assert scene.hands.share.is_kept


@pytest.mark.parametrize(
    ("answered", "late", "told"),
    [
        (100, 0, "12 of 12 by hand: thank you"),
        (94, 0, "was closed, 12 by hand"),
        (94, 80 * 3600, "time is over"),
    ],
)
def test_why_the_round_has_ended_is_told(scene: Scene, answered: int, late: int, told: str) -> None:
    scene.look(ROUND)
    scene.page.answered = answered
    scene.now += late
    scene.look(CHECKS)
    assert told in scene.said[-1]
    assert not scene.hands.share.is_kept


def test_the_line_says_when_it_waits_for_a_page_that_is_open(scene: Scene) -> None:
    scene.look(ROUND)
    scene.look(CHECKS)
    scene.look(replace(CHECKS, answered=98, open=2), times=3)
    assert scene.does[-1] == ""
    scene.look(replace(CHECKS, answered=98, open=2))
    assert scene.does[-1] == "2 pictures open on your page: answer them, or Enter gives them back"
    scene.look(replace(CHECKS, answered=99, open=1))
    assert scene.does[-1] == ""


def test_enter_again_gives_back_what_is_open_on_the_page(scene: Scene) -> None:
    scene.look(ROUND)
    scene.key.pressed = True
    scene.look(ROUND)
    scene.look(CHECKS)
    scene.key.pressed = True
    scene.look(CHECKS)
    assert scene.page.given_back == []  # others are at work
    scene.look(replace(CHECKS, answered=98, open=2), times=4)
    scene.key.pressed = True
    scene.look(replace(CHECKS, answered=98, open=2))
    assert scene.page.given_back == ["verify"]


def test_without_a_terminal_the_line_waits_for_the_lease_and_says_so() -> None:
    scene = Scene(0, terminal=False)
    scene.look(replace(CHECKS, answered=99, open=1), times=4)
    assert scene.does[-1] == "1 picture open on your page: answer it, or leave it for ten minutes"


def test_where_nothing_is_left_for_the_user_nobody_is_invited() -> None:
    scene = Scene(0)
    scene.look(ROUND, times=2)
    assert scene.said == []
    assert scene.crew_takes() >= 100
