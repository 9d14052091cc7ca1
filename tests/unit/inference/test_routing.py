import pytest

from inference.routing import Answered, Route, best_of, route

GROUP = Answered("flowers", 0.9, sure=True)
UNSURE_GROUP = Answered("flowers", 0.4, sure=False)
TULIP = Answered("tulip", 0.8, sure=True)
UNSURE_TULIP = Answered("tulip", 0.3, sure=False)
NOTHING = Route(None, "none")


@pytest.mark.parametrize(
    ("parent", "child", "said"),
    [
        (GROUP, TULIP, Route("tulip", "species")),
        (UNSURE_GROUP, TULIP, Route("tulip", "species")),
        (GROUP, UNSURE_TULIP, Route("flowers", "group")),
        (UNSURE_GROUP, UNSURE_TULIP, NOTHING),
        (GROUP, None, Route("flowers", "group")),
        (UNSURE_GROUP, None, NOTHING),
    ],
)
def test_a_group_with_its_child(parent: Answered, child: Answered | None, said: Route) -> None:
    assert route(parent, child, is_group=True) == said


def test_a_label_without_a_child_is_a_species_itself() -> None:
    assert route(Answered("mushroom", 0.6, sure=True), None, is_group=False) == Route("mushroom", "species")
    assert route(Answered("mushroom", 0.4, sure=False), None, is_group=False) == NOTHING


def test_a_score_at_the_least_is_sure() -> None:
    assert best_of([("tulip", 0.5), ("oak", 0.3)], 0.5) == Answered("tulip", 0.5, sure=True)
    assert not best_of([("tulip", 0.49)], 0.5).sure
