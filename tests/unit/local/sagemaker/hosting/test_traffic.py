from __future__ import annotations

from collections import Counter
from typing import Any

from local.sagemaker.hosting.traffic import Portion, Taken, Traffic, whole
from local.sagemaker.hosting.variant import Variant


class StandIn:
    """An instance without a process."""

    def __init__(self, alive: bool = True) -> None:
        self.alive, self.busy, self.retiring = alive, 0, False

    def take(self) -> bool:
        self.busy += not self.retiring
        return not self.retiring


class StandInFleet:
    def __init__(self, name: str, *variants: Variant) -> None:
        self.name, self.variants = name, list(variants)


def _variant(*instances: StandIn, name: str = "all", weight: float = 1.0, **settings: Any) -> Variant:
    return Variant(name, weight, {"ModelName": "m"}, settings, list(instances))  # type: ignore[arg-type]


def _fleet(name: str, *variants: Variant) -> Any:
    return StandInFleet(name, *variants)


def _counted(traffic: Traffic, by: str = "fleet", number: int = 2000) -> Counter[Any]:
    taken = [traffic.take(None) for _ in range(number)]
    assert all(isinstance(each, Taken) for each in taken)
    return Counter(each.fleet if by == "fleet" else each.variant.name for each in taken)  # type: ignore[union-attr]


def test_fleets_get_their_shares() -> None:
    traffic = Traffic()
    blue, green = _fleet("blue", _variant(StandIn())), _fleet("green", _variant(StandIn()))
    traffic.send(Portion(green, {"all": 0.25}), Portion(blue, {"all": 0.75}))
    assert 0.2 < _counted(traffic)["green"] / 2000 < 0.3
    traffic.send(whole(green))
    assert _counted(traffic) == {"green": 2000}


def test_only_the_active_instances_of_a_variant_take_requests() -> None:
    first, second = StandIn(), StandIn()
    variant = _variant(first, second)
    variant.active = 1
    traffic = Traffic()
    traffic.send(whole(_fleet("green", variant)))
    _counted(traffic)
    assert (first.busy, second.busy) == (2000, 0)


def test_variants_get_their_weights_and_one_asked_for_answers_whatever_its_weight() -> None:
    one, none = _variant(StandIn(), name="one", weight=3), _variant(StandIn(), name="none", weight=0)
    other = _variant(StandIn(), name="other", weight=1)
    traffic = Traffic()
    traffic.send(whole(_fleet("blue", one, none, other)))
    counted = _counted(traffic, "variant")
    assert counted["none"] == 0
    assert 0.7 < counted["one"] / 2000 < 0.8
    asked = traffic.take("none")
    assert isinstance(asked, Taken)
    assert asked.variant is none


def test_another_fleets_instance_stands_in_for_one_that_died_but_no_other_variant() -> None:
    dead, alive = _variant(StandIn(alive=False)), _variant(StandIn())
    beside = _variant(StandIn(), name="beside")
    traffic = Traffic()
    traffic.send(
        Portion(_fleet("blue", dead, beside), {"all": 0.9, "beside": 0.9}),
        Portion(_fleet("green", alive), {"all": 0.1}),
    )
    taken = [traffic.take("all") for _ in range(50)]
    assert {each.fleet for each in taken if isinstance(each, Taken)} == {"green"}
    traffic.send(whole(_fleet("blue", dead, beside)))
    assert traffic.take("all") is dead


def test_an_instance_that_retires_between_choice_and_hold_is_not_taken() -> None:
    leaving, staying = StandIn(), StandIn()
    leaving.retiring = True
    traffic = Traffic()
    traffic.send(whole(_fleet("blue", _variant(leaving, staying))))
    assert all(each.instance is staying for each in (traffic.take(None) for _ in range(20)))  # type: ignore[union-attr]


def test_the_least_busy_instance_is_taken_where_the_variant_says_so() -> None:
    busy, idle = StandIn(), StandIn()
    busy.busy = 2
    variant = _variant(busy, idle, RoutingConfig={"RoutingStrategy": "LEAST_OUTSTANDING_REQUESTS"})
    traffic = Traffic()
    traffic.send(whole(_fleet("blue", variant)))
    for _ in range(4):
        traffic.take(None)
    assert (busy.busy, idle.busy) == (3, 3)


def test_a_variant_that_is_not_there_is_none() -> None:
    traffic = Traffic()
    assert traffic.take(None) is None
    traffic.send(whole(_fleet("blue", _variant(StandIn()))))
    assert traffic.take("other") is None
