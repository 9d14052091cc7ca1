"""The user's part: some pictures of the first label round are left for a person at the real page.

The line waits for them. The terminal says how to come in and how far the user is; Enter there hands what is
left to the crew. It looks at the rounds as the user does, with the user's own sign-in.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from local.demo.enter_key import EnterKey
from local.demo.share import Share
from local.demo.workbench import OpenRound, Workbench

_LOOK_EVERY_SECONDS = 1.0
_LOOKS_TO_BE_SURE = 3
_FIRST = ("label", 1)
_INVITATION = """{count} for you. In a browser on this machine:

    {page}
    Username   {username}
    Password   {password}

Sign in and choose "Draw". Around each {classes} goes a box; "Nothing here" is an answer too.
Simulated people draw on the others. One of them, {checker}, checks yours, since nobody checks
their own; what does not pass, they draw again. You are a supervisor too: "Supervision" on
the page shows who did what.

"""
_WITH_ENTER = "Enough? Press Enter here, and they do the rest. The line waits until {until}."
_WITHOUT_ENTER = "The line waits until you are done, or until {until}, when the round ends."


@dataclass(frozen=True)
class Invitation:
    """How the user comes in, what is to be drawn, and who checks it."""

    page: str  # address for a browser on this machine
    username: str
    password: str
    classes: Sequence[str]
    checker: str

    def lines(self, left: int, total: int, closes_at: str, *, with_enter: bool) -> list[str]:
        """Say it, for `left` of the `total` pictures of a round."""
        until, ending = local_time(closes_at), _WITH_ENTER if with_enter else _WITHOUT_ENTER
        text = f"{_INVITATION}{ending}".format(
            count=f"{left} of {counted(total, 'picture')} wait{'s' if left == 1 else ''}",
            classes=" or ".join(self.classes), until=until, page=self.page, username=self.username,
            password=self.password, checker=self.checker,
        )  # fmt: skip
        return ["", *(f"  {line}".rstrip() for line in text.splitlines()), ""]


@dataclass
class _Held:
    """What is open to nobody but the user, by kind, and in how many looks in a row it was just that."""

    tasks: Mapping[str, int]
    looks: int = 0

    @property
    def number(self) -> int:
        """How many tasks the line waits for, as far as is known."""
        return sum(self.tasks.values()) if self.looks >= _LOOKS_TO_BE_SURE else 0


class ByHand:
    """One labeling execution with a user; `share` is the crew's, and `look` is to be called all the time.

    With `wanted` 0 nothing is left for the user, who may be at the page all the same.
    """

    def __init__(
        self,
        wanted: int,
        invitation: Invitation,
        workbench: Workbench,
        enter: EnterKey,
        *,
        say: Callable[[str], None],
        doing: Callable[[str], None],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.share = Share(wanted)
        self._invitation, self._workbench, self._enter = invitation, workbench, enter
        self._name = invitation.username
        self._say, self._doing, self._clock = say, doing, clock
        self._round: OpenRound | None = None
        self._left_alone = 0
        self._next_look = 0.0
        self._without_work = 0  # looks in a row
        self._held = _Held({})

    def look(self) -> None:
        """See how far the user is, and tell; raises WorkbenchError."""
        if self._enter.is_pressed():
            self._pressed()
        if self._clock() < self._next_look:
            return
        self._next_look = self._clock() + _LOOK_EVERY_SECONDS
        rounds = self._workbench.rounds()
        if self.share.is_kept:
            self._follow(next((one for one in rounds if (one.kind, one.number) == _FIRST), None))
        else:
            self._doing(self._waiting(rounds))

    def _pressed(self) -> None:
        """Hand over what nobody has, and if that has been done, what is open on the user's page."""
        if self.share.is_kept:
            if self._round:
                self._hand_over(
                    "Enter: the simulated people do the rest; what is open on your page stays yours."
                )
        elif self._held.number:
            for kind in self._held.tasks:
                self._workbench.give_back(kind)
            self._say("  Enter: the simulated people get what was open on your page, too.")

    def _follow(self, first: OpenRound | None) -> None:
        if first is None:
            if self._round is not None:
                self._ended(self._round)
            return
        if self._round is None:
            self._begin(first)
        self._round = first
        # A round's tasks come one after the other: only if the crew has had its part, none is to come.
        nothing = first.open == 0 and self.share.is_used_up
        self._without_work = self._without_work + 1 if nothing else 0
        if self._without_work == _LOOKS_TO_BE_SURE and first.left:
            self._hand_over(self._thanks(first.mine))
        else:
            self._doing(self._progress(first.mine))

    def _begin(self, first: OpenRound) -> None:
        self._left_alone = self.share.opened(first.total)
        lines = self._invitation.lines(
            self._left_alone, first.total, first.closes_at, with_enter=self._enter.is_there
        )
        for line in lines:
            self._say(line)

    def _ended(self, last: OpenRound) -> None:
        """Tell why the round is over, as its supervisor sees it: the last look may be a second old."""
        found = self._workbench.supervision()
        ended = next(one for one in found["rounds"] if one["round"] == last.round_id)
        drawn = sum(one["label"]["answered"] for one in found["people"] if one["name"] == self._name)
        if ended["answered"] == ended["total"]:
            self._hand_over(self._thanks(drawn))
        elif last.closes_at and self._clock() >= as_time(last.closes_at).timestamp():
            self._hand_over(f"The round's time is over, {drawn} by hand: the simulated people draw the rest.")
        else:
            self._hand_over(f"The round was closed, {drawn} by hand: the simulated people draw the rest.")

    def _thanks(self, drawn: int) -> str:
        checker = self._invitation.checker
        return f"{drawn} of {self._left_alone} by hand: thank you. {checker} checks them now."

    def _hand_over(self, why: str) -> None:
        self.share.hand_over()
        self._say(f"  {why}")
        self._doing("")

    def _progress(self, mine: int) -> str:
        hint = " (Enter: enough)" if self._enter.is_there else ""
        return f"{mine} of {self._left_alone} by hand{hint}"

    def _waiting(self, rounds: Sequence[OpenRound]) -> str:
        """What keeps the line where all that is left has long been open to nobody but the user."""
        held = {one.kind: one.left for one in rounds if 0 < one.left == one.open}
        self._held = _Held(held, self._held.looks + 1 if held == self._held.tasks else 0)
        if not (number := self._held.number):
            return ""
        these = "it" if number == 1 else "them"
        other = f"Enter gives {these} back" if self._enter.is_there else f"leave {these} for ten minutes"
        return f"{counted(number, 'picture')} open on your page: answer {these}, or {other}"


def counted(number: int, what: str) -> str:
    """Write how many there are of something: "1 picture", "12 pictures"."""
    return f"{number} {what}{'' if number == 1 else 's'}"


def as_time(written: str) -> datetime:
    """Read a time as the API writes it."""
    return datetime.fromisoformat(written.replace("Z", "+00:00")).astimezone(UTC)


def local_time(written: str) -> str:
    """Write a time of the API as this machine's clock shows it: "Sunday 22 November, 16:40"."""
    return f"{as_time(written).astimezone():%A %-d %B, %H:%M}" if written else "the round ends"
