"""Brushed metal tags with scratches, drawn by a seeded generator: pictures, boxes, and which tag is which.

A tag is drawn once and photographed several times, each time in another pose and light, as a line does:
the pictures of one tag share a group, and only a split that respects it measures the model honestly.
Hairlines, scuffs, dust, stains and stamped text look like scratches and are never labelled.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count

import cv2
import numpy as np
from numpy.typing import NDArray

from local.demo.boxes import Box

Field = NDArray[np.float32]  # gray levels or a mask, shape (height, width)
Points = NDArray[np.float32]  # shape (n, 2), x and y in pixels
Random = np.random.Generator

WIDTH, HEIGHT = 450, 300
LABEL = "scratch"
SHOTS_PER_TAG = (0.5, 0.32, 0.18)  # how often a tag is photographed once, twice, three times
SCRATCHES_PER_TAG = (0.12, 0.22, 0.38, 0.17, 0.08, 0.03)  # none, one, … five
TEXT = "ABCDEFGHJKLMNPRSTUVXYZ0123456789-"
QUARTER_TURNS = (0.0, np.pi / 2, np.pi, np.pi * 3 / 2)
SUBPIXEL = 4  # bits of OpenCV's fixed-point drawing coordinates
_TRAINING, _FRESH = 0, 1  # streams of random numbers that never meet: fresh tags are not the trained ones


@dataclass(frozen=True)
class Scratch:
    """A stroke on the metal, in the tag's own pixels."""

    path: Points
    thickness: int
    gloss: float  # gray levels above the metal in plain light
    direction: float  # radians


@dataclass(frozen=True)
class Tag:
    """One physical object: what stays the same between its pictures."""

    metal: Field
    mask: Field  # 1 on the tag, 0 beside it and in its hole
    scratches: tuple[Scratch, ...]
    strokes: tuple[Field, ...]  # one mask for each scratch, 0 to 1


@dataclass(frozen=True)
class SyntheticPicture:
    """One photograph: gray uint8 pixels, shape (height, width), with what is on it."""

    name: str
    group: str
    pixels: NDArray[np.uint8]
    boxes: tuple[Box, ...]
    hard: bool = False

    def encoded(self) -> bytes:
        """Return the picture as the file that its name's extension promises: PNG or JPEG bytes."""
        extension = self.name[self.name.rindex(".") :]
        options = [cv2.IMWRITE_JPEG_QUALITY, 92] if extension == ".jpg" else [cv2.IMWRITE_PNG_COMPRESSION, 3]
        written, content = cv2.imencode(extension, self.pixels, options)
        if not written:
            raise ValueError(f"{self.name}: OpenCV cannot write this kind of picture")
        return bytes(content)


def training_pictures(seed: int, number: int) -> Iterator[SyntheticPicture]:
    """Yield `number` pictures of tags, the pictures of one tag one after the other."""
    made = 0
    for index in count():
        rng = np.random.default_rng([seed, _TRAINING, index])
        tag = draw_tag(rng)
        for shot in range(int(rng.choice(len(SHOTS_PER_TAG), p=SHOTS_PER_TAG)) + 1):
            if made == number:
                return
            pixels, boxes = photograph(tag, rng)
            name = f"tag-{index:04d}-{'abc'[shot]}{_extension(rng)}"
            yield SyntheticPicture(name, f"tag-{index:04d}", pixels, boxes)
            made += 1


def fresh_pictures(seed: int, number: int, hard_share: float = 0.4) -> Iterator[SyntheticPicture]:
    """Yield pictures of tags that no training picture shows; a share is faint, so that a model is unsure."""
    for index in range(number):
        rng = np.random.default_rng([seed, _FRESH, index])
        hard = bool(rng.random() < hard_share)
        tag = draw_tag(rng, clean_share=0.0 if hard else None)
        pixels, boxes = photograph(tag, rng, visibility=float(rng.uniform(0.1, 0.3)) if hard else 1.0)
        name = f"line-{index:04d}{_extension(rng)}"
        yield SyntheticPicture(name, f"line-{index:04d}", pixels, boxes, hard)


def draw_tag(rng: Random, clean_share: float | None = None) -> Tag:
    """Draw one tag, upright and centred; `clean_share` overrides how often a tag has no scratch."""
    outline, mask = _outline(rng)
    base = rng.uniform(60, 110)
    metal = _brushed_metal(rng, base)
    if rng.random() < 0.5:
        metal += _stamped_text(rng)
    _wear(rng, metal, base)
    scratches = _scratches(rng, outline, clean_share)
    return Tag(metal, mask, scratches, tuple(_stroke(rng, s.path, s.thickness, s.gloss) for s in scratches))


def photograph(tag: Tag, rng: Random, visibility: float = 1.0) -> tuple[NDArray[np.uint8], tuple[Box, ...]]:
    """Take one picture of a tag: gray uint8 pixels and boxes; `visibility` below 1 makes scratches faint."""
    pose = _pose(rng)
    gloss = np.zeros_like(tag.metal)
    raking = rng.uniform(0, np.pi)  # the direction that the light comes from
    for scratch, stroke in zip(tag.scratches, tag.strokes, strict=True):
        glint = 0.85 + 0.3 * abs(np.sin(scratch.direction - raking))
        np.maximum(gloss, stroke * np.float32(scratch.gloss * glint * visibility), out=gloss)
    surface = _posed(tag.metal * _light(rng) + gloss, pose, border=cv2.BORDER_REPLICATE)
    mask = _posed(tag.mask, pose, border=cv2.BORDER_CONSTANT)
    scene = _fixture(rng) * (1 - mask) + surface * mask
    boxes = tuple(_box(scratch, pose) for scratch in tag.scratches)
    return _sensor(rng, scene), boxes


def _extension(rng: Random) -> str:
    return ".jpg" if rng.random() < 0.7 else ".png"


# --- the tag ---------------------------------------------------------------------------------------------


def _outline(rng: Random) -> tuple[Points, Field]:
    """Return a rounded rectangle as a polygon, and its mask with the hole punched out."""
    half_width, half_height = WIDTH * rng.uniform(0.80, 0.94) / 2, HEIGHT * rng.uniform(0.74, 0.90) / 2
    radius = rng.uniform(5, 22)
    centre = np.array([WIDTH / 2, HEIGHT / 2])
    quarter = np.linspace(0, np.pi / 2, 8)
    corners = [
        centre
        + (sx * (half_width - radius), sy * (half_height - radius))
        + radius * np.stack((np.cos(quarter + turn), np.sin(quarter + turn)), axis=1)
        for turn, (sx, sy) in zip(QUARTER_TURNS, ((1, 1), (-1, 1), (-1, -1), (1, -1)), strict=True)
    ]
    outline: Points = np.concatenate(corners).astype(np.float32)
    mask = np.zeros((HEIGHT, WIDTH), np.float32)
    cv2.fillPoly(mask, [_fixed_point(outline)], 1.0, cv2.LINE_AA, SUBPIXEL)
    hole = centre + rng.choice([-1, 1], 2) * (half_width - 24, half_height - 24)
    hole_radius = int(rng.uniform(7, 11) * 2**SUBPIXEL)
    cv2.circle(mask, _fixed_point(hole).tolist(), hole_radius, 0.0, -1, cv2.LINE_AA, SUBPIXEL)
    return outline, mask


def _brushed_metal(rng: Random, base: float) -> Field:
    metal = np.full((HEIGHT, WIDTH), base, np.float32)
    metal += np.float32(rng.uniform(0.8, 4.0)) * _noise(rng, rng.uniform(8, 40), 0.6)  # the brush's grain
    metal += np.float32(rng.uniform(0.8, 3.0)) * _noise(rng, 0.7, 0.7)
    metal += np.float32(rng.uniform(0.0, 2.5)) * _noise(rng, 30, 30)  # stains
    return metal


def _stamped_text(rng: Random) -> Field:
    """Return what a stamp changes: a dark stroke with a bright edge."""
    text = "".join(rng.choice(list(TEXT), rng.integers(4, 11)))
    size = rng.uniform(0.5, 1.0)
    origin = (int(WIDTH * rng.uniform(0.15, 0.5)), int(HEIGHT * rng.uniform(0.25, 0.82)))
    ink = np.zeros((HEIGHT, WIDTH), np.uint8)  # OpenCV 5.0 writes no text on float pictures
    cv2.putText(ink, text, origin, cv2.FONT_HERSHEY_DUPLEX, size, 255, max(1, int(1.6 * size)), cv2.LINE_AA)
    stroke = ink.astype(np.float32) / 255
    edge = np.roll(stroke, (1, 1), (0, 1))
    change = rng.uniform(8, 30) * (edge - stroke) - rng.uniform(5, 20) * stroke
    return np.asarray(change, np.float32)


def _wear(rng: Random, metal: Field, base: float) -> None:
    """Draw onto the metal what looks like a scratch and is none: hairlines, dust, a darker band."""
    for _ in range(rng.poisson(4)):
        start = (rng.uniform(0.05, 0.95) * WIDTH, rng.uniform(0.1, 0.9) * HEIGHT)
        hairline = _curve(rng, start, rng.uniform(0, np.pi), rng.uniform(15, 130), rng.uniform(-0.5, 0.5))
        metal += np.float32(rng.uniform(3, 16)) * _stroke(rng, hairline, 1, None)
    for _ in range(rng.poisson(6)):
        spot = (int(rng.uniform(0, WIDTH)), int(rng.uniform(0, HEIGHT)))
        cv2.circle(metal, spot, int(rng.integers(0, 3)), base + rng.uniform(10, 60), -1, cv2.LINE_AA)
    if rng.random() < 0.4:
        left = int(rng.uniform(0.05, 0.9) * WIDTH)
        metal[:, left : left + int(rng.uniform(0.03, 0.12) * WIDTH)] *= np.float32(rng.uniform(0.85, 0.97))


def _scratches(rng: Random, outline: Points, clean_share: float | None) -> tuple[Scratch, ...]:
    shares = np.array(SCRATCHES_PER_TAG)
    if clean_share is not None:
        shares[1:] *= (1 - clean_share) / shares[1:].sum()
        shares[0] = clean_share
    found: list[Scratch] = []
    for _ in range(int(rng.choice(len(shares), p=shares))):
        scratch = _scratch(rng, outline, found)
        if scratch is not None:
            found.append(scratch)
    return tuple(found)


def _scratch(rng: Random, outline: Points, others: list[Scratch]) -> Scratch | None:
    """Find a place that lies on the tag and apart from the others; None where twenty tries find none."""
    for _ in range(20):
        centre = (WIDTH * (0.5 + rng.uniform(-0.34, 0.34)), HEIGHT * (0.5 + rng.uniform(-0.31, 0.31)))
        direction = rng.uniform(0, np.pi)
        path = _curve(rng, centre, direction, rng.uniform(28, 200), rng.normal(0, 0.15))
        thickness = int(rng.choice([1, 2, 3], p=[0.3, 0.5, 0.2]))
        scratch = Scratch(path, thickness, rng.uniform(75, 200), direction)
        if _inside(path, outline) and not any(_crowds(scratch, other) for other in others):
            return scratch
    return None


def _inside(path: Points, outline: Points) -> bool:
    polygon = outline.reshape(-1, 1, 2)
    return all(cv2.pointPolygonTest(polygon, (float(x), float(y)), False) > 0 for x, y in path)


def _crowds(a: Scratch, b: Scratch) -> bool:
    """Whether the two boxes would share more than 40 % of the smaller one."""
    (left_a, top_a), (right_a, bottom_a) = a.path.min(0) - 3, a.path.max(0) + 3
    (left_b, top_b), (right_b, bottom_b) = b.path.min(0) - 3, b.path.max(0) + 3
    width = min(right_a, right_b) - max(left_a, left_b)
    height = min(bottom_a, bottom_b) - max(top_a, top_b)
    smaller = min((right_a - left_a) * (bottom_a - top_a), (right_b - left_b) * (bottom_b - top_b))
    return bool(width > 0 and height > 0 and width * height > 0.4 * smaller)


# --- the picture -----------------------------------------------------------------------------------------


def _pose(rng: Random) -> NDArray[np.float64]:
    """Return how the tag lies before the camera: a 2x3 matrix, a turn of about 1 degree and a shift."""
    pose = cv2.getRotationMatrix2D((WIDTH / 2, HEIGHT / 2), rng.normal(0, 1.2), 1.0)
    pose[:, 2] += (rng.normal(0, 6), rng.normal(0, 5))
    return np.asarray(pose, np.float64)


def _posed(field: Field, pose: NDArray[np.float64], border: int) -> Field:
    moved = cv2.warpAffine(field, pose, (WIDTH, HEIGHT), flags=cv2.INTER_LINEAR, borderMode=border)
    return np.asarray(moved, np.float32)


def _light(rng: Random) -> Field:
    """Return the light's strength over the picture, near 1: a lamp at one side and a darker rim."""
    across, down = np.meshgrid(np.linspace(-1, 1, WIDTH), np.linspace(-1, 1, HEIGHT))
    side, slope, rim = rng.uniform(0, 2 * np.pi), rng.uniform(0, 0.18), rng.uniform(0, 0.12)
    falloff = slope * (across * np.cos(side) + down * np.sin(side)) - rim * (across**2 + down**2)
    return np.asarray(rng.uniform(0.88, 1.12) * (1 + falloff), np.float32)


def _fixture(rng: Random) -> Field:
    """Return what is behind the tag: bright back light, bars and rulers."""
    field = np.full((HEIGHT, WIDTH), rng.uniform(225, 255), np.float32) + 4 * _noise(rng, 9, 9)
    for _ in range(rng.integers(1, 4)):
        left, width = rng.uniform(0, WIDTH), rng.uniform(0.1, 0.45) * WIDTH
        at_top = rng.random() < 0.5
        top = 0.0 if at_top else HEIGHT * rng.uniform(0.8, 0.95)
        bottom = HEIGHT * rng.uniform(0.05, 0.2) if at_top else float(HEIGHT)
        across = slice(int(left), int(left + width))
        field[int(top) : int(bottom), across] = rng.uniform(60, 230)
        for _ in range(rng.integers(0, 4)):
            mark = int(rng.uniform(top, bottom))
            field[mark : mark + 1, across] = rng.uniform(0, 120)
    return field


def _sensor(rng: Random, scene: Field) -> NDArray[np.uint8]:
    blurred = cv2.GaussianBlur(scene, (0, 0), rng.uniform(0.3, 0.8))
    grain = rng.standard_normal(scene.shape, dtype=np.float32) * np.float32(rng.uniform(0.5, 3))
    return np.asarray(np.clip(blurred + grain, 0, 255), np.uint8)


def _box(scratch: Scratch, pose: NDArray[np.float64]) -> Box:
    path = scratch.path @ pose[:, :2].T + pose[:, 2]
    margin = scratch.thickness / 2 + 2
    left, top = np.maximum(path.min(0) - margin, 0)
    right, bottom = np.minimum(path.max(0) + margin, (WIDTH, HEIGHT))
    return Box(LABEL, *(round(float(value), 1) for value in (left, top, right - left, bottom - top)))


# --- strokes and noise -----------------------------------------------------------------------------------


def _curve(rng: Random, centre: tuple[float, float], direction: float, length: float, bend: float) -> Points:
    """Return a slightly trembling arc of 24 points, at times with a kink."""
    along = np.linspace(-0.5, 0.5, 24)
    aside = bend * length * (along**2 - 0.25) + np.cumsum(rng.normal(0, 0.35, 24))
    if rng.random() < 0.35:
        aside += np.clip(along - rng.uniform(-0.2, 0.3), 0, None) * length * rng.uniform(-0.6, 0.6)
    cosine, sine = np.cos(direction), np.sin(direction)
    turn = np.array([[cosine, sine], [-sine, cosine]])
    return np.asarray(np.stack((along * length, aside), axis=1) @ turn + centre, np.float32)


def _stroke(rng: Random, path: Points, thickness: int, gloss: float | None) -> Field:
    """Return a mask, 0 to 1, of a stroke whose strength varies along its length; faint ones break up more."""
    gaps = 0.8 if gloss is None else rng.uniform(0.1, 0.75)
    pieces = 4 * (len(path) - 1)
    coarse = np.interp(np.linspace(0, 1, pieces), np.linspace(0, 1, 9), rng.uniform(1 - gaps, 1, 9))
    strength = coarse * rng.uniform(1 - gaps, 1, pieces)
    where = np.linspace(0, len(path) - 1, pieces + 1)
    fine = np.stack([np.interp(where, np.arange(len(path)), path[:, axis]) for axis in (0, 1)], axis=1)
    points = _fixed_point(fine).tolist()
    widths = np.maximum(1, np.rint(thickness * rng.uniform(0.8, 1.2, pieces))).astype(int)
    mask = np.zeros((HEIGHT, WIDTH), np.float32)
    for start, end, value, width in zip(points[:-1], points[1:], strength, widths, strict=True):
        cv2.line(mask, start, end, float(value), int(width), cv2.LINE_AA, SUBPIXEL)
    return np.asarray(cv2.GaussianBlur(mask, (0, 0), 0.6), np.float32)


def _noise(rng: Random, across: float, down: float) -> Field:
    """Return noise of mean 0 and deviation 1, smooth over about `across` x `down` pixels."""
    # Coarse noise is drawn small and stretched: the blur is what costs time.
    step_x, step_y = max(1, int(across // 3)), max(1, int(down // 3))
    shape = (-(-HEIGHT // step_y) + 2, -(-WIDTH // step_x) + 2)
    grain = cv2.GaussianBlur(
        rng.standard_normal(shape, dtype=np.float32), (0, 0), sigmaX=across / step_x, sigmaY=down / step_y
    )
    if step_x * step_y > 1:
        grain = cv2.resize(grain, (shape[1] * step_x, shape[0] * step_y), interpolation=cv2.INTER_LINEAR)
    field = np.asarray(grain[:HEIGHT, :WIDTH], np.float32)
    return np.asarray(field / (field.std() + 1e-6), np.float32)


def _fixed_point(points: NDArray[np.floating]) -> NDArray[np.int32]:
    return np.asarray(np.rint(points * 2**SUBPIXEL), np.int32)
