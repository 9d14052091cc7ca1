"""How numbers are written on the pages, and how one is compared with that of the version in prod."""

from typing import Literal

from lambdas.promotion.pages.markup import Content, Markup, element, join

DASH = "\N{EN DASH}"
Better = Literal["higher", "lower"]


def score(value: float | None) -> str:
    """Write an average precision: `0.842`, or a dash where there is none."""
    return DASH if value is None else f"{value:.3f}"


def milliseconds(value: float | None) -> str:
    """Write a latency."""
    return DASH if value is None else f"{value:.1f} ms"


def count(value: int | None) -> str:
    """Write a count, or a dash where it is not known."""
    return DASH if value is None else str(value)


def of(number: int, noun: str) -> str:
    """Write a count of things: `1 picture`, `12 pictures`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def megabytes(size: int) -> str:
    """Write a size in bytes as people say it."""
    return f"{size / 1_000_000:.1f} MB" if size >= 100_000 else f"{size / 1000:.1f} kB"


def difference(
    new: float | None, old: float | None, *, better: Better, digits: int = 3, noise: float = 0.0
) -> Markup:
    """Write how a number differs from prod's: sign, arrow and word say it, the colour only repeats it.

    What differs by less than the share `noise` of the old number counts as the same.
    """
    if new is None or old is None:
        return Markup()
    apart = round(new - old, digits)
    if abs(apart) <= noise * abs(old):
        return element("span", "same", class_="diff")
    good = (apart > 0) == (better == "higher")
    sign = "+" if apart > 0 else "\N{MINUS SIGN}"
    arrow = "\N{BLACK UP-POINTING TRIANGLE}" if apart > 0 else "\N{BLACK DOWN-POINTING TRIANGLE}"
    text = f"{arrow} {sign}{abs(apart):.{digits}f} "
    word = element("span", "better" if good else "worse", class_="word")
    return element("span", join([text, word]), class_="diff good" if good else "diff bad")


def number(name: str, value: str, apart: Content, explained: str = "") -> Markup:
    """A key number under its name, with how it differs and what it means."""
    small = element("small", explained) if explained else None
    return element("div", element("dt", name), element("dd", value, apart, small))
