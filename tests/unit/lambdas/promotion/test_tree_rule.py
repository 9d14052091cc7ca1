"""Which members of a tree go together: the rule, case by case."""

import pytest

from lambdas.promotion.check_artifacts import labels_sha256
from lambdas.promotion.settings import Tree
from lambdas.promotion.tree_rule import Labels, Member, Plan, decide, difference

TREE = Tree("species", ("flowers", "birds"))
SPRING, ROSES = ("daffodil", "tulip"), ("daffodil", "rose", "tulip")
SMALL, LARGE = ("robin", "wren"), ("heron", "robin", "wren")


def labels(names: tuple[str, ...]) -> Labels:
    return Labels(names, labels_sha256(names))


def child(model: str, version: int, names: tuple[str, ...]) -> Member:
    return Member(model, f"{model}/{version}", version, labels(names))


def parent(version: int, **expects: tuple[str, ...]) -> Member:
    children = {model: labels(names) for model, names in expects.items()}
    return Member("species", f"species/{version}", version, labels(tuple(expects)), children)


FLOWERS, BIRDS = child("flowers", 1, SPRING), child("birds", 1, SMALL)
SPECIES = parent(1, flowers=SPRING, birds=SMALL)
SERVING = (FLOWERS, BIRDS, SPECIES)


def plan(approved: Member, *held: Member, serving: tuple[Member, ...] = SERVING, tree: Tree = TREE) -> Plan:
    return decide(
        tree,
        serving={member.model: member for member in serving},
        held={member.model: member for member in held},
        approved=approved,
    )


@pytest.mark.parametrize(
    "approved",
    [child("flowers", 2, SPRING), child("birds", 2, SMALL), parent(2, flowers=SPRING, birds=SMALL), FLOWERS],
)
def test_what_answers_as_before_goes_alone(approved: Member) -> None:
    found = plan(approved)
    assert found.changed == (approved,)
    assert found.why == f"{approved} fits what prod serves"
    assert [member.model for member in found.members] == ["flowers", "birds", "species"]


@pytest.mark.parametrize(
    ("approved", "why"),
    [
        (
            child("flowers", 2, ROSES),
            "flowers 2 waits for another version of species: species 1, which is in prod, expects other"
            " labels of flowers: flowers 2 has besides rose",
        ),
        (
            child("flowers", 2, ("rose", "tulip")),
            "flowers 2 waits for another version of species: species 1, which is in prod, expects other"
            " labels of flowers: flowers 2 has no daffodil and besides rose",
        ),
        (
            child("flowers", 2, ("tulip", "daffodil")),
            "flowers 2 waits for another version of species: species 1, which is in prod, expects other"
            " labels of flowers: flowers 2 has the same in another order",
        ),
        (
            parent(2, flowers=ROSES, birds=SMALL),
            "species 2 waits for another version of flowers: species 2 expects other labels of flowers:"
            " flowers 1, which is in prod, has no rose",
        ),
    ],
)
def test_what_fits_nothing_that_serves_is_held_and_says_why(approved: Member, why: str) -> None:
    assert plan(approved) == Plan(why)


@pytest.mark.parametrize("last", [0, 1])
def test_parent_and_child_wait_for_each_other_whichever_comes_first(last: int) -> None:
    both = [child("flowers", 2, ROSES), parent(2, flowers=ROSES, birds=SMALL)]
    approved = both.pop(last)
    found = plan(approved, *both)
    assert [str(member) for member in found.changed] == ["flowers 2", "species 2"], "the child first"
    assert found.members == (child("flowers", 2, ROSES), BIRDS, parent(2, flowers=ROSES, birds=SMALL))
    assert found.why == (
        "flowers 2 and species 2 fit one another, and none fits what prod serves without them"
    )


@pytest.mark.parametrize("last", ["flowers", "birds", "species"])
def test_a_class_that_moves_between_two_children_takes_all_three(last: str) -> None:
    """The robin is a flower from now on, say."""
    moved = {
        "flowers": child("flowers", 2, (*SPRING, "robin")),
        "birds": child("birds", 2, ("wren",)),
        "species": parent(2, flowers=(*SPRING, "robin"), birds=("wren",)),
    }
    approved = moved.pop(last)
    waiting = list(moved.values())
    for one in waiting:
        others = [other for other in waiting if other is not one]
        assert not plan(one, *others).members, "two of the three are not enough"
    assert [member.model for member in plan(approved, *waiting).changed] == ["flowers", "birds", "species"]


def test_what_two_held_members_wait_for_is_the_third() -> None:
    found = plan(child("birds", 2, LARGE), parent(2, flowers=ROSES, birds=LARGE))
    assert found.why.startswith("birds 2 waits for another version of flowers: species 2, which is held,")


def test_a_new_child_waits_for_a_parent_that_routes_to_it() -> None:
    serving = (FLOWERS, parent(1, flowers=SPRING))
    found = plan(BIRDS, serving=serving)
    assert found.why == (
        "birds 1 waits for another version of species: species 1, which is in prod, does not route to birds"
    )
    together = plan(parent(2, flowers=SPRING, birds=SMALL), BIRDS, serving=serving)
    assert [str(member) for member in together.changed] == ["birds 1", "species 2"]


def test_a_parent_that_leaves_a_child_out_goes_without_it() -> None:
    approved = parent(2, flowers=SPRING)
    assert plan(approved).members == (FLOWERS, approved)


def test_a_parent_with_one_child_is_a_tree_too() -> None:
    tree = Tree("species", ("flowers",))
    first = parent(1, flowers=SPRING)
    alone = plan(first, serving=(), tree=tree)
    assert alone.why == (
        "species 1 waits for a version of flowers: species 1 routes to flowers, of which no version"
        " serves in prod or is held"
    )
    assert plan(FLOWERS, first, serving=(), tree=tree).changed == (FLOWERS, first)


def test_the_first_child_of_all_waits_for_the_parent() -> None:
    assert plan(FLOWERS, serving=()).why == (
        "flowers 1 waits for a version of species: no version of species serves in prod or is held"
    )


def test_a_later_approval_takes_the_place_of_a_held_one() -> None:
    held = parent(2, flowers=ROSES, birds=SMALL)
    later = parent(3, flowers=SPRING, birds=SMALL)
    assert plan(later, held).changed == (later,)
    assert not plan(child("flowers", 2, ROSES), later).members, "it is not the one that is held any more"


def test_a_held_one_that_fits_goes_before_the_one_that_serves() -> None:
    waiting = child("flowers", 2, ROSES)
    found = plan(parent(2, flowers=ROSES, birds=SMALL), waiting, child("birds", 2, LARGE))
    assert found.members[:2] == (waiting, BIRDS), "the held birds fit nothing and stay"


def test_a_child_that_is_configured_no_longer_is_named() -> None:
    found = plan(parent(2, flowers=SPRING, birds=SMALL, trees=("oak",)))
    assert "species 2 routes to trees, which edgeline.toml has no longer among its children" in found.why


def test_a_difference_names_what_is_missing_and_what_is_too_many() -> None:
    assert difference(labels(SPRING), labels(ROSES)) == "no rose"
    assert difference(labels(ROSES), labels(SPRING)) == "besides rose"
