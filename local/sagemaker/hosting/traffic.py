"""Where the requests of one endpoint go while its fleets change."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass

from local.sagemaker.hosting.fleet import Fleet
from local.sagemaker.hosting.instance import Instance
from local.sagemaker.hosting.variant import Variant


@dataclass(frozen=True)
class Portion:
    """A fleet and the share, of 1, that it has of each variant's requests."""

    fleet: Fleet
    shares: Mapping[str, float]


@dataclass(frozen=True)
class Taken:
    """An instance that is held for one request, and whose it is: `fleet` names an endpoint configuration."""

    fleet: str
    variant: Variant
    instance: Instance


def whole(fleet: Fleet) -> Portion:
    """Give a fleet all the requests."""
    return Portion(fleet, {variant.name: 1.0 for variant in fleet.variants})


class Traffic:
    """Chooses the instance for each request. A change counts for every request that comes after it."""

    def __init__(self) -> None:
        self._portions: tuple[Portion, ...] = ()

    def send(self, *portions: Portion) -> None:
        """Divide the requests among fleets from now on."""
        self._portions = portions

    @property
    def portions(self) -> tuple[Portion, ...]:
        """How the requests are divided now."""
        return self._portions

    @property
    def fleets(self) -> list[Fleet]:
        """The fleets that have a share of the requests."""
        return [portion.fleet for portion in self._portions if any(portion.shares.values())]

    def take(self, name: str | None) -> Taken | Variant | None:
        """Hold an instance of the named variant, or of one by weight.

        Where none of its instances can answer, the variant itself is given; None where there is no such
        variant. Within a variant, another fleet's instance stands in for those that have died.
        """
        while True:
            portions = self._portions
            variant, taken = _take(portions, name)
            if taken or variant is None:
                return taken
            # A fleet that went away between the choice and the hold: its place is taken already.
            if portions is self._portions:
                return variant


def _take(portions: tuple[Portion, ...], name: str | None) -> tuple[Variant | None, Taken | None]:
    options = [
        (
            portion.fleet,
            variant,
            portion.shares.get(variant.name, 0.0) * _weight(portion.fleet, variant, name),
        )
        for portion in portions
        for variant in portion.fleet.variants
        if name in (None, variant.name)
    ]
    chosen = _draw(options)
    if chosen is None:
        return None, None
    options = [option for option in options if option[1].name == chosen[1].name]
    while chosen:
        fleet, variant, _ = chosen
        if instance := variant.take():
            return variant, Taken(fleet.name, variant, instance)
        options.remove(chosen)
        chosen = _draw(options)
    return variant, None


def _weight(fleet: Fleet, variant: Variant, name: str | None) -> float:
    total = sum(each.weight for each in fleet.variants)
    # A variant that is asked for by name answers whatever its weight.
    return 1.0 if name else (variant.weight / total if total else 1.0)


def _draw(options: list[tuple[Fleet, Variant, float]]) -> tuple[Fleet, Variant, float] | None:
    open_to = [option for option in options if option[2] > 0]
    if not open_to:
        return None
    weights = [option[2] for option in open_to]
    return random.choices(open_to, weights=weights)[0]  # noqa: S311 - shares load, guards nothing
