"""One labeling execution of the demo: simulated people answer, and the user does, where that is asked for."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from typing import Any

from local.cloud.addresses import served_at
from local.cloud.server import LocalCloud
from local.demo import evidence, people, workflows
from local.demo.annotator import Annotator, Crew, KnownLabels, Tally
from local.demo.by_hand import ByHand, Invitation
from local.demo.details import Worker
from local.demo.enter_key import EnterKey
from local.demo.options import Options
from local.demo.people import People
from local.demo.progress import Part
from local.demo.signed_in import SignedIn
from local.demo.source import Material
from local.demo.workbench import Workbench, WorkbenchError
from local.demo.workflows import LineStopped


class LabelingRun:
    """Labels what waits; `outputs` is the labeling stack's, `say` writes a line on the terminal."""

    def __init__(
        self,
        cloud: LocalCloud,
        outputs: Mapping[str, str],
        hired: People,
        material: Material,
        options: Options,
        *,
        model: str,
        say: Callable[[str], None],
    ) -> None:
        self._outputs, self._people, self._material, self._options = outputs, hired, material, options
        self._model, self._say = model, say
        self._page = served_at(cloud.url, outputs["PageUrl"])

    def run(self, part: Part, by_hand: int) -> tuple[dict[str, Any], Tally]:
        """Run an execution to its end; its output, and what the simulated people answered.

        `by_hand` pictures of its first round are left to the user. Raises LineStopped.
        """
        states = self._people.operator.client("stepfunctions")
        self._be_sure_of_all_pictures(states)
        with ExitStack() as ending:
            hands = self._hands(part, by_hand, ending) if self._people.user else None
            crew = ending.enter_context(self._crew(part, hands))
            arn = states.start_execution(
                stateMachineArn=self._outputs["StateMachineArn"], input=json.dumps({"model": self._model})
            )["executionArn"]
            output = workflows.follow_execution(states, arn, tick=lambda: _look(crew, hands))
        return output, crew.tally

    def workers(self, outputs: Iterable[Mapping[str, Any]]) -> tuple[Worker, ...]:
        """Who did what in the executions with these outputs, as a supervisor and the manifests see it."""
        workbench = self._workbench(self._people.annotators[people.SUPERVISORS[0]])
        try:
            found = workbench.supervision()["people"]
        except WorkbenchError as error:
            raise LineStopped(f"who labelled what: {error}") from error
        finally:
            workbench.close()
        s3, kept = self._people.operator.client("s3"), Counter[str]()
        for output in outputs:
            if output["manifest"]:
                kept.update(evidence.drawn_by(s3, output["manifest"]))
        return tuple(_worker(person, kept[person["name"]]) for person in found)

    def _be_sure_of_all_pictures(self, states: Any) -> None:
        """Let no picture miss its round because the event of its upload is still on its way."""
        arn = states.start_execution(
            stateMachineArn=self._outputs["ReconciliationArn"], input=json.dumps({"model": self._model})
        )["executionArn"]
        workflows.follow_execution(states, arn)

    def _crew(self, part: Part, hands: ByHand | None) -> Crew:
        known = KnownLabels(
            self._material.truths, mistake_rate=self._options.mistake_rate, seed=self._options.seed
        )
        annotators = [
            Annotator(name, self._workbench(person), people.kinds_of(name))
            for name, person in self._people.annotators.items()
        ]
        move, total = part.bar("answers"), 2 * len(self._material.uploads)

        def progress(tally: Tally) -> None:
            answers = tally.labeled + tally.approved + tally.rejected + tally.settled + tally.unusable
            move(answers, max(total, answers))

        return Crew(annotators, known, on_progress=progress, share=hands.share if hands else None)

    def _hands(self, part: Part, wanted: int, ending: ExitStack) -> ByHand:
        user = self._people.user
        assert user is not None  # noqa: S101 - whoever calls has looked
        workbench = self._workbench(user)
        ending.callback(workbench.close)
        invitation = Invitation(
            self._page, user.name, user.password, self._material.classes, people.VERIFIERS[0]
        )
        enter = ending.enter_context(EnterKey())
        return ByHand(wanted, invitation, workbench, enter, say=self._say, doing=part.doing)

    def _workbench(self, person: SignedIn) -> Workbench:
        # Where the page itself asks: on its own host.
        return Workbench(f"{self._page}api/", person.token)


def executions(pictures: int, round_size: int) -> int:
    """How many executions label so many pictures, each of which takes no more than a round holds."""
    return max(1, -(-pictures // round_size))


def _look(crew: Crew, hands: ByHand | None) -> None:
    if crew.failure:
        raise LineStopped(f"an annotator gave up: {crew.failure}")
    if hands is None:
        return
    try:
        hands.look()
    except WorkbenchError as error:
        raise LineStopped(f"the rounds cannot be looked at: {error}") from error


def _worker(person: Mapping[str, Any], kept: int) -> Worker:
    counts = {kind: int(person[kind]["answered"]) for kind in ("label", "verify", "settle")}
    return Worker(
        name=person["name"], by_hand=person["name"] == people.USER, kept=kept,
        drawn=counts["label"], checked=counts["verify"], settled=counts["settle"],
    )  # fmt: skip
