"""Pictures of the species, drawn by a seeded generator: each in its own pose, light and place."""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from local.species.subjects import SPECIES, Points, Random, Shape

Pixels = NDArray[np.uint8]  # RGB, shape (SIDE, SIDE, 3)
Canvas = NDArray[np.float32]  # RGB, drawn on at _FINER times the size

SIDE = 128
_FINER = 2  # drawn larger and made smaller: smooth edges
_HABITATS = {
    "flowers": ((96, 128, 62), (120, 104, 70)),
    "butterflies": ((126, 152, 92), (150, 180, 206)),
    "fish": ((64, 112, 138), (46, 92, 108)),
}
_ELSEWHERE = 0.25  # how often a picture has the background of another group
_OTHER_COLOUR = 0.5  # how often the colour tells nothing: the pattern has to
_TRAINING, _FRESH = 0, 1  # streams of random numbers that never meet


@dataclass(frozen=True)
class SpeciesPicture:
    """One picture; `name` is `<group>/<species>/<number>.jpg`."""

    name: str
    group: str
    species: str
    pixels: Pixels

    def encoded(self) -> bytes:
        """Return the picture as JPEG bytes."""
        written, content = cv2.imencode(
            ".jpg", cv2.cvtColor(self.pixels, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 90]
        )
        if not written:
            raise ValueError(f"{self.name}: OpenCV cannot write it")
        return bytes(content)


def training_pictures(seed: int, each: int) -> Iterator[SpeciesPicture]:
    """Yield `each` pictures of every species."""
    return _pictures(seed, each, _TRAINING)


def fresh_pictures(seed: int, each: int) -> Iterator[SpeciesPicture]:
    """Yield pictures that are none of the training's."""
    return _pictures(seed, each, _FRESH)


def _pictures(seed: int, each: int, stream: int) -> Iterator[SpeciesPicture]:
    for group, species in SPECIES.items():
        for name in species:
            for number in range(each):
                # By the name, so that one more species changes no picture of the others.
                rng = np.random.default_rng([seed, stream, zlib.crc32(name.encode()), number])
                yield SpeciesPicture(
                    f"{group}/{name}/{name}-{number:04d}.jpg", group, name, photograph(rng, group, name)
                )


def photograph(rng: Random, group: str, species: str) -> Pixels:
    """Draw one animal or plant where it might be seen."""
    scene = _background(rng, group)
    pose, centre = _pose(rng, group), SIDE * _FINER * rng.uniform(0.3, 0.7, 2)
    hue = _hue(rng)
    for shape in SPECIES[group][species](rng):
        _fill(scene, shape, pose, centre, hue)
    _cover(rng, scene, group)
    return _sensed(rng, scene)


def _pose(rng: Random, group: str) -> Points:
    """Give a matrix (2, 2): size, turn and slant; fish swim level, to the left or to the right."""
    size = rng.uniform(0.16, 0.4) * SIDE * _FINER
    turn = rng.normal(0, 0.25) if group == "fish" else rng.uniform(0, 2 * np.pi)
    cos, sin = np.cos(turn), np.sin(turn)
    foreshortened = np.array([[1.0, rng.normal(0, 0.12)], [0.0, rng.uniform(0.7, 1.0)]])
    facing = np.diag([rng.choice([-1.0, 1.0]), 1.0])
    pose: Points = size * facing @ foreshortened @ np.array([[cos, sin], [-sin, cos]])
    return pose


def _hue(rng: Random) -> Points:
    """Give a matrix (3, 3) that turns colours around gray: sports and odd light are in another colour."""
    turn = rng.uniform(-np.pi, np.pi) if rng.random() < _OTHER_COLOUR else rng.normal(0, 0.25)
    same, across = np.cos(turn), np.sin(turn) / np.sqrt(3)
    mixed = (1 - same) / 3
    hue: Points = same * np.eye(3) + mixed + across * np.array([[0, 1, -1], [-1, 0, 1], [1, -1, 0]])
    return hue


def _fill(scene: Canvas, shape: Shape, pose: Points, centre: Points, hue: Points) -> None:
    points = np.round(shape.points @ pose + centre).astype(np.int32)
    red, green, blue = np.clip(np.array(shape.colour) @ hue, 0, 255)
    cv2.fillPoly(scene, [points], (float(red), float(green), float(blue)), lineType=cv2.LINE_AA)


def _background(rng: Random, group: str) -> Canvas:
    """Draw leaves, sky or water: soft patches around a colour of the place, which may be another group's."""
    place = str(rng.choice(list(_HABITATS))) if rng.random() < _ELSEWHERE else group
    colours = np.array(_HABITATS[place], dtype=np.float64) + rng.normal(0, 16, (2, 1))
    side = SIDE * _FINER
    patches = np.zeros((side, side, 1), dtype=np.float32)
    for cells in (4, 12, 40):
        noise = rng.normal(0, 1, (cells, cells)).astype(np.float32)
        patches += cv2.resize(noise, (side, side), interpolation=cv2.INTER_CUBIC)[:, :, None] / 3
    share = np.clip(0.5 + patches / 2, 0, 1)
    scene: Canvas = np.ascontiguousarray(colours[0] * share + colours[1] * (1 - share), dtype=np.float32)
    return scene


def _cover(rng: Random, scene: Canvas, group: str) -> None:
    """Lay a few blades over it, as grass and weed do."""
    side = SIDE * _FINER
    colour = np.array(_HABITATS[group][0]) * rng.uniform(0.6, 1.0)
    for _ in range(int(rng.integers(0, 7))):
        x, lean, width = rng.uniform(0, side), rng.normal(0, side / 4), rng.uniform(2, 7)
        blade = np.array([(x - width, side), (x + lean, side * rng.uniform(0, 0.6)), (x + width, side)])
        cv2.fillPoly(
            scene, [np.round(blade).astype(np.int32)], tuple(map(float, colour)), lineType=cv2.LINE_AA
        )


def _sensed(rng: Random, scene: Canvas) -> Pixels:
    """Take the picture: smaller, in its light, a little out of focus, with noise."""
    picture = cv2.resize(scene, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    picture = cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.3, 1.8))
    light = rng.uniform(0.65, 1.25) * (1 + rng.normal(0, 0.04, 3))
    noisy = picture * light + rng.normal(0, rng.uniform(2, 8), picture.shape)
    pixels: Pixels = np.clip(np.round(noisy), 0, 255).astype(np.uint8)
    return pixels
