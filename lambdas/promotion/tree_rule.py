"""Which members of a tree go together: a parent is served only with children that answer as it expects.

Pure: what serves in prod, what is held and what was approved go in; a set, or why not, comes out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from lambdas.promotion.settings import Tree

HELD, IN_PROD, APPROVED = "held", "in prod", "approved now"


@dataclass(frozen=True)
class Labels:
    """What a model answers, in its order, and the hash of that."""

    names: tuple[str, ...]
    sha256: str


@dataclass(frozen=True)
class Member:
    """A package of a model of the tree. `expects`, of a parent: what each child that it routes to answers."""

    model: str
    package: str
    version: int
    labels: Labels
    expects: Mapping[str, Labels] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.model} {self.version}"


@dataclass(frozen=True)
class Plan:
    """What is to be done with a member that was approved.

    `members` is the whole set that prod will serve, children first; without one the member is held. `changed`
    are those of them that prod does not serve yet, and the approved one.
    """

    why: str
    members: tuple[Member, ...] = ()
    changed: tuple[Member, ...] = ()


@dataclass(frozen=True)
class _Candidate:
    member: Member
    place: str

    def __str__(self) -> str:
        return str(self.member) if self.place == APPROVED else f"{self.member}, which is {self.place},"


def decide(
    tree: Tree, *, serving: Mapping[str, Member], held: Mapping[str, Member], approved: Member
) -> Plan:
    """Release the approved member with what it fits, or hold it and say why.

    A held member stands before the one that serves: a person has approved it since.
    """
    pool = {model: _candidates(model, serving, held, approved) for model in tree.members}
    reasons = []
    for parent in pool[tree.parent]:
        chosen, lacking = _fitting(parent.member, tree, pool)
        if not lacking and approved in (*chosen, parent.member):
            return _release((*chosen, parent.member), serving, approved)
        reasons.append(_why_not(parent, lacking, tree, pool, approved))
    if not reasons:
        reasons = [f"no version of {tree.parent} serves in prod or is held"]
    return Plan(f"{approved} waits for {_wanted(tree, reasons, pool, approved)}: {'; '.join(reasons)}")


def _candidates(
    model: str, serving: Mapping[str, Member], held: Mapping[str, Member], approved: Member
) -> list[_Candidate]:
    if model == approved.model:
        return [_Candidate(approved, APPROVED)]
    places = ((held, HELD), (serving, IN_PROD))
    return [_Candidate(found[model], place) for found, place in places if model in found]


def _fitting(
    parent: Member, tree: Tree, pool: Mapping[str, Sequence[_Candidate]]
) -> tuple[list[Member], list[str]]:
    """Choose a child for each that the parent routes to; name those of which none fits."""
    chosen, lacking = [], []
    for child, expected in parent.expects.items():
        fitting = [one.member for one in pool.get(child, ()) if one.member.labels.sha256 == expected.sha256]
        if fitting:
            chosen.append(fitting[0])
        else:
            lacking.append(child)
    order = {model: place for place, model in enumerate(tree.children)}
    return sorted(chosen, key=lambda member: order[member.model]), lacking


def _release(members: tuple[Member, ...], serving: Mapping[str, Member], approved: Member) -> Plan:
    changed = tuple(
        member
        for member in members
        if member == approved
        or member.model not in serving
        or serving[member.model].package != member.package
    )
    if len(changed) == 1:
        return Plan(f"{approved} fits what prod serves", members, changed)
    together = " and ".join((", ".join(map(str, changed[:-1])), str(changed[-1])))
    return Plan(f"{together} fit one another, and none fits what prod serves without them", members, changed)


def _why_not(
    parent: _Candidate,
    lacking: Sequence[str],
    tree: Tree,
    pool: Mapping[str, Sequence[_Candidate]],
    approved: Member,
) -> str:
    """Say what keeps this parent and the approved member from being served together."""
    expects = parent.member.expects
    if approved.model != tree.parent and approved.model not in expects:
        return f"{parent} does not route to {approved.model}"
    # Of the approved one first: the others do not matter where it does not fit itself.
    named = [approved.model] if approved.model in lacking else lacking
    return "; ".join(_misfit(parent, child, pool.get(child, ()), tree) for child in named)


def _misfit(parent: _Candidate, child: str, found: Sequence[_Candidate], tree: Tree) -> str:
    if child not in tree.children:
        return f"{parent} routes to {child}, which edgeline.toml has no longer among its children"
    if not found:
        return f"{parent} routes to {child}, of which no version serves in prod or is held"
    expected = parent.member.expects[child]
    said = " and ".join(f"{one} has {difference(one.member.labels, expected)}" for one in found)
    return f"{parent} expects other labels of {child}: {said}"


def difference(found: Labels, expected: Labels) -> str:
    """Say how labels differ from those that are expected: what is missing, what is too many."""
    missing = [name for name in expected.names if name not in found.names]
    more = [name for name in found.names if name not in expected.names]
    said = [f"{word} {', '.join(names)}" for word, names in (("no", missing), ("besides", more)) if names]
    return " and ".join(said) or "the same in another order"


def _wanted(
    tree: Tree, reasons: Sequence[str], pool: Mapping[str, Sequence[_Candidate]], approved: Member
) -> str:
    """Name the models of which a version is waited for."""
    if approved.model == tree.parent:
        _, lacking = _fitting(approved, tree, pool)
        return _versions_of(lacking, pool)
    viable = [one for one in pool[tree.parent] if approved.model in one.member.expects]
    fits = [one for one in viable if one.member.expects[approved.model].sha256 == approved.labels.sha256]
    if not fits:
        return _versions_of([tree.parent], pool)
    _, lacking = _fitting(fits[0].member, tree, pool)
    return _versions_of(lacking, pool)


def _versions_of(models: Sequence[str], pool: Mapping[str, Sequence[_Candidate]]) -> str:
    return " and ".join(f"{'another' if pool.get(model) else 'a'} version of {model}" for model in models)
