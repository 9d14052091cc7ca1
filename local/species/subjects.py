"""What is drawn: twelve species of three groups, each as coloured shapes around the origin, about 1 wide.

Colours overlap between groups (a monarch is as orange as a clownfish), and vary within a species: the outline
tells the group, the pattern the species.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]  # shape (n, 2), x to the right and y down
Colour = tuple[float, float, float]  # RGB, 0 to 255
Random = np.random.Generator


@dataclass(frozen=True)
class Shape:
    """A filled polygon."""

    points: Points
    colour: Colour


Draw = Callable[[Random], list[Shape]]

WHITE, BLACK, YELLOW, BROWN = (244, 243, 236), (28, 26, 24), (240, 196, 40), (92, 58, 30)
ORANGE, RED, VIOLET, BLUE = (232, 122, 34), (206, 44, 36), (112, 88, 190), (74, 118, 214)
GREEN, SILVER, MAROON = (96, 120, 60), (196, 204, 208), (140, 48, 38)


def varied(rng: Random, colour: Colour, by: float = 14) -> Colour:
    """Give a colour near this one."""
    red, green, blue = np.clip(np.array(colour) + rng.normal(0, by, 3), 0, 255)
    return float(red), float(green), float(blue)


def ellipse(x: float, y: float, width: float, height: float, turn: float = 0.0) -> Points:
    """Give an ellipse around (x, y) with these half-axes, turned by `turn` radians."""
    angles = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    points = np.stack([np.cos(angles) * width, np.sin(angles) * height], axis=1)
    placed: Points = turned(points, turn) + np.array([x, y])
    return placed


def turned(points: Points, radians: float) -> Points:
    """Turn points around the origin."""
    cos, sin = np.cos(radians), np.sin(radians)
    result: Points = points @ np.array([[cos, sin], [-sin, cos]])
    return result


def mirrored(shapes: list[Shape]) -> list[Shape]:
    """Give the shapes of one side, and those of the other."""
    return [*shapes, *(Shape(shape.points * (-1, 1), shape.colour) for shape in shapes)]


# --- flowers: how many petals, how wide, how large the disc -------------------------------------------------


def _petals(rng: Random, number: int, width: float, colour: Colour, *, start: float = 0.3) -> list[Shape]:
    middle, length = (1 + start) / 2, (1 - start) / 2
    outline = ellipse(middle, 0, length, width)
    offset = rng.uniform(0, 2 * np.pi)
    return [
        Shape(
            turned(outline, offset + 2 * np.pi * index / number + rng.normal(0, 0.05)), varied(rng, colour, 9)
        )
        for index in range(number)
    ]


def _disc(rng: Random, radius: float, colour: Colour) -> Shape:
    return Shape(ellipse(0, 0, radius * rng.uniform(0.85, 1.15), radius), varied(rng, colour))


def _daisy(rng: Random) -> list[Shape]:
    petal = (238, 206, 222) if rng.random() < 0.2 else WHITE
    return [*_petals(rng, int(rng.integers(11, 16)), 0.13, petal, start=0.15), _disc(rng, 0.28, YELLOW)]


def _sunflower(rng: Random) -> list[Shape]:
    petals = _petals(rng, int(rng.integers(14, 20)), 0.14, YELLOW, start=0.35)
    return [*petals, _disc(rng, 0.52, BROWN), _disc(rng, 0.22, (60, 40, 24))]


def _poppy(rng: Random) -> list[Shape]:
    petals = _petals(rng, int(rng.integers(4, 6)), 0.52, RED, start=0.0)
    return [*petals, _disc(rng, 0.22, BLACK)]


def _periwinkle(rng: Random) -> list[Shape]:
    petals = _petals(rng, 5, 0.34, VIOLET if rng.random() < 0.7 else BLUE, start=0.1)
    return [*petals, _disc(rng, 0.15, WHITE)]


# --- butterflies: the same outline, other patterns ----------------------------------------------------------


def _wings(colour: Colour, rim: Colour | None) -> list[Shape]:
    upper, lower = ellipse(0.52, -0.34, 0.56, 0.34, -0.6), ellipse(0.42, 0.38, 0.38, 0.34, 0.5)
    shapes = [Shape(lower, rim or colour), Shape(upper, rim or colour)]
    if rim is not None:
        inner = [(lower, (0.40, 0.36)), (upper, (0.48, -0.32))]
        shapes += [Shape((outline - centre) * 0.8 + centre, colour) for outline, centre in inner]
    return shapes


def _body(rng: Random) -> list[Shape]:
    feelers = mirrored([Shape(np.array([(0.02, -0.5), (0.2, -0.86), (0.23, -0.83), (0.05, -0.48)]), BLACK)])
    return [*feelers, Shape(ellipse(0, 0.05, 0.07, 0.55), varied(rng, (50, 42, 36), 8))]


def _eye(x: float, y: float, radius: float, iris: Colour) -> list[Shape]:
    return [
        Shape(ellipse(x, y, radius, radius), BLACK),
        Shape(ellipse(x, y, radius * 0.55, radius * 0.55), iris),
    ]


def _monarch(rng: Random) -> list[Shape]:
    wing = _wings(varied(rng, ORANGE), BLACK)
    ends = [(0.92, -0.62), (0.98, -0.3), (0.72, 0.5), (0.36, 0.72)]
    veins = [Shape(_line((0.05, 0.0), end, 0.035), BLACK) for end in ends]
    return [*mirrored([*wing, *veins]), *_body(rng)]


def _brimstone(rng: Random) -> list[Shape]:
    colour = varied(rng, (226, 222, 96))
    spot = Shape(ellipse(0.55, -0.3, 0.07, 0.07), ORANGE)
    return [*mirrored([*_wings(colour, None), spot]), *_body(rng)]


def _peacock(rng: Random) -> list[Shape]:
    eyes = [*_eye(0.76, -0.42, 0.17, YELLOW), *_eye(0.5, 0.46, 0.15, BLUE)]
    return [*mirrored([*_wings(varied(rng, MAROON), None), *eyes]), *_body(rng)]


def _common_blue(rng: Random) -> list[Shape]:
    return [*mirrored(_wings(varied(rng, BLUE), WHITE)), *_body(rng)]


def _line(start: tuple[float, float], end: tuple[float, float], width: float) -> Points:
    first, last = np.array(start), np.array(end)
    along = (last - first) / max(float(np.linalg.norm(last - first)), 1e-6)
    across = np.array([-along[1], along[0]]) * width / 2
    return np.stack([first + across, last + across, last - across, first - across])


# --- fish: the outline's height, bands or waves -------------------------------------------------------------


def _fish(rng: Random, height: float, colour: Colour, fins: Colour) -> list[Shape]:
    tail = np.array([(-0.7, 0.0), (-1.1, -0.32), (-1.0, 0.0), (-1.1, 0.32)])
    back = np.array([(-0.3, -height * 0.8), (0.0, -height * 1.45), (0.35, -height * 0.8)])
    belly = back * (1, -0.85)
    return [
        Shape(tail, fins),
        Shape(back, fins),
        Shape(belly, fins),
        Shape(ellipse(0, 0, 0.85, height), varied(rng, colour)),
    ]


def _fish_eye() -> list[Shape]:
    return [Shape(ellipse(0.58, -0.06, 0.09, 0.09), WHITE), Shape(ellipse(0.6, -0.06, 0.05, 0.05), BLACK)]


def _bands(places: tuple[float, ...], half: float, height: float, colour: Colour) -> list[Shape]:
    """Give vertical bands that end where the body does."""
    shapes = []
    for place in places:
        xs = np.linspace(place - half, place + half, 6)
        edge = height * np.sqrt(np.clip(1 - (xs / 0.85) ** 2, 0, 1))
        top, bottom = np.stack([xs, -edge], axis=1), np.stack([xs, edge], axis=1)[::-1]
        shapes.append(Shape(np.concatenate([top, bottom]), colour))
    return shapes


def _clownfish(rng: Random) -> list[Shape]:
    bands = _bands((-0.5, 0.0, 0.4), 0.075, 0.42, WHITE)
    return [*_fish(rng, 0.42, ORANGE, varied(rng, ORANGE)), *bands, *_fish_eye()]


def _perch(rng: Random) -> list[Shape]:
    bands = _bands((-0.5, -0.25, 0.0, 0.25), 0.055, 0.36, (52, 66, 34))
    return [*_fish(rng, 0.38, GREEN, varied(rng, RED)), *bands, *_fish_eye()]


def _mackerel(rng: Random) -> list[Shape]:
    body = _fish(rng, 0.27, SILVER, varied(rng, (86, 110, 130)))
    waves = [
        Shape(_line((x, -0.22), (x + rng.uniform(0.02, 0.12), -0.02), 0.06), varied(rng, (36, 72, 110)))
        for x in np.linspace(-0.55, 0.4, 9)
    ]
    return [*body, *waves, *_fish_eye()]


def _angelfish(rng: Random) -> list[Shape]:
    bands = _bands((-0.35, 0.1, 0.45), 0.05, 0.7, BLACK)
    return [*_fish(rng, 0.72, SILVER if rng.random() < 0.7 else YELLOW, WHITE), *bands, *_fish_eye()]


SPECIES: Mapping[str, Mapping[str, Draw]] = {
    "flowers": {"daisy": _daisy, "sunflower": _sunflower, "poppy": _poppy, "periwinkle": _periwinkle},
    "butterflies": {
        "monarch": _monarch, "brimstone": _brimstone, "peacock": _peacock, "common-blue": _common_blue,
    },
    "fish": {"clownfish": _clownfish, "perch": _perch, "mackerel": _mackerel, "angelfish": _angelfish},
}  # fmt: skip
