"""Which pictures show the same physical object, seen by their pixels alone.

Pictures of one line share a fixture, a light and an outline: those are no evidence. So each picture is
reduced to its fine detail, and each pixel of it is taken relative to what is usual at that place over the
whole data set: what is left is what this object has and others have not. Two pictures show the same object if
this detail correlates after the best shift and turn, also upside down. The threshold prefers a wrong tie to a
wrong separation: a tie costs a little variety, a separation leaks a test object into training.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from inference.pictures import Picture

Details = NDArray[np.float32]

SIDE = 96  # of the square in which pictures are compared
MAX_SHIFT = 8  # pixels of that square
TURNS = (-3.0, -1.5, 0.0, 1.5, 3.0)  # degrees, beside upright and upside down
TIE = 0.47  # correlation; docs/adr/0007-grouped-frozen-split.md has the measured distributions
STRICTER_TIES = (0.55, 0.65, 0.75, 0.85)
MAX_GROUP_SHARE = 0.5

_PADDED = SIDE + 2 * MAX_SHIFT
_DETAIL_SIGMA, _CONTRAST_SIGMA, _CONTRAST_FLOOR, _CONTRAST_LIMIT = 3.0, 12.0, 4.0, 3.0
_SPREAD_FLOOR, _STRENGTH_LIMIT, _BORDER_FADE = 0.1, 6.0, 0.25
_MIN_PICTURES_FOR_USUAL, _MAX_PICTURES_FOR_USUAL = 8, 600
_COMPARISONS, _MIN_NEIGHBOURS, _CHUNK = 40_000, 40, 256


@dataclass(frozen=True)
class SimilarGroups:
    """A group number for each picture, and how sure that is."""

    numbers: tuple[int, ...]
    tie: float
    largest_share: float

    @property
    def doubtful(self) -> bool:
        """Whether the pictures are so alike that the usual threshold had to be left."""
        return self.tie > TIE or self.largest_share > MAX_GROUP_SHARE


def detail(picture: Picture) -> Details:
    """Reduce an RGB picture to its fine detail (SIDE, SIDE), about -3 to 3; NaN beside the picture."""
    gray = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    ratio = 2 * SIDE / max(gray.shape)
    size = (max(8, round(gray.shape[1] * ratio)), max(8, round(gray.shape[0] * ratio)))
    level = cv2.resize(gray, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    fine = level - cv2.GaussianBlur(level, (0, 0), _DETAIL_SIGMA)
    contrast = np.sqrt(cv2.GaussianBlur(fine * fine, (0, 0), _CONTRAST_SIGMA)) + _CONTRAST_FLOOR
    fine = np.clip(fine / contrast, -_CONTRAST_LIMIT, _CONTRAST_LIMIT)
    fine = cv2.resize(fine, (max(4, size[0] // 2), max(4, size[1] // 2)), interpolation=cv2.INTER_AREA)
    canvas = np.full((SIDE, SIDE), np.nan, dtype=np.float32)
    top, left = (SIDE - fine.shape[0]) // 2, (SIDE - fine.shape[1]) // 2
    canvas[top : top + fine.shape[0], left : left + fine.shape[1]] = fine
    return canvas


def group_by_similarity(details: Details) -> SimilarGroups:
    """Group pictures by their details (n, SIDE, SIDE).

    If more than MAX_GROUP_SHARE of them hang together, the threshold is raised until they do not; the answer
    says so, and a person should then give the groups.
    """
    count = len(details)
    if count == 0:
        return SimilarGroups((), TIE, 0.0)
    unusual = take_unusual(details)
    pairs = neighbours(unusual)
    scores = correlate(unusual, pairs)
    for tie in (TIE, *STRICTER_TIES):
        numbers = connect(count, pairs[scores >= tie])
        share = float(np.bincount(numbers).max()) / count
        if share <= MAX_GROUP_SHARE:
            break
    return SimilarGroups(tuple(numbers), tie, share)


def take_unusual(details: Details) -> Details:
    """Return what each picture has beyond the usual, zero-mean and of unit length (n, SIDE, SIDE)."""
    inside = ~np.isnan(details)
    values = details
    if len(details) >= _MIN_PICTURES_FOR_USUAL:
        centre, spread = _usual(details)
        values = (details - centre) / (spread + _SPREAD_FLOOR)
    strength = np.clip(np.nan_to_num(values), -_STRENGTH_LIMIT, _STRENGTH_LIMIT)
    fades = np.stack([_border_fade(mask) for mask in inside])
    faded = strength * fades
    counts = np.maximum(inside.sum(axis=(1, 2), keepdims=True), 1)
    faded -= inside * faded.sum(axis=(1, 2), keepdims=True) / counts
    return _unit(faded)


def neighbours(unusual: Details) -> NDArray[np.int64]:
    """Return the pairs (m, 2) worth comparing: all in a small data set, else each picture's nearest.

    Nearness is that of the power spectra, which do not change when the object is moved.
    """
    count = len(unusual)
    nearest = min(count - 1, max(_MIN_NEIGHBOURS, _COMPARISONS // count))
    if nearest == count - 1:
        return np.argwhere(np.triu(np.ones((count, count), dtype=np.bool_), k=1))
    descriptors = _power_descriptors(unusual)
    found: set[tuple[int, int]] = set()
    for start in range(0, count, _CHUNK):
        likeness = descriptors[start : start + _CHUNK] @ descriptors.T
        likeness[np.arange(len(likeness)), np.arange(start, start + len(likeness))] = -np.inf
        best = np.argpartition(-likeness, nearest, axis=1)[:, :nearest]
        for row, columns in enumerate(best, start=start):
            found.update((min(row, int(column)), max(row, int(column))) for column in columns)
    return np.array(sorted(found), dtype=np.int64).reshape(-1, 2)


def correlate(unusual: Details, pairs: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return each pair's best correlation (m,) over shifts up to MAX_SHIFT and TURNS, also upside down."""
    best = np.full(len(pairs), -1.0, dtype=np.float32)
    spectra = np.concatenate([_spectra(unusual[chunk]) for chunk in _chunks(len(unusual))])
    for turn in TURNS:
        turned = np.concatenate([_spectra(_turned(unusual[chunk], turn)) for chunk in _chunks(len(unusual))])
        for chunk in _chunks(len(pairs)):
            first, second = spectra[pairs[chunk, 0]], turned[pairs[chunk, 1]]
            upright = _peak(first * np.conj(second), upside_down=False)
            flipped = _peak(first * second, upside_down=True)
            best[chunk] = np.maximum(best[chunk], np.maximum(upright, flipped))
    return best


def connect(count: int, pairs: Sequence[Sequence[int]] | NDArray[np.int64]) -> list[int]:
    """Number the connected components of `count` items, in order of their first item."""
    parents = list(range(count))

    def root(item: int) -> int:
        while parents[item] != item:
            parents[item] = parents[parents[item]]
            item = parents[item]
        return item

    for first, second in pairs:
        low, high = sorted((root(int(first)), root(int(second))))
        parents[high] = low
    numbers: dict[int, int] = {}
    return [numbers.setdefault(root(item), len(numbers)) for item in range(count)]


def _usual(details: Details) -> tuple[Details, Details]:
    """Return the median and the spread of each pixel over (a sample of) the data set."""
    step = -(-len(details) // _MAX_PICTURES_FOR_USUAL)
    sample = np.ma.masked_invalid(details[::step])
    centre = np.ma.median(sample, axis=0).filled(0.0).astype(np.float32)  # type: ignore[no-untyped-call]
    variance = sample.var(axis=0).filled(0.0).astype(np.float32)
    seen = (
        (~sample.mask.all(axis=0)).astype(np.float32) if np.ma.is_masked(sample) else np.ones_like(variance)
    )
    smooth = cv2.GaussianBlur(variance, (0, 0), 2) / np.maximum(cv2.GaussianBlur(seen, (0, 0), 2), 0.1)
    return centre, np.sqrt(smooth)


def _border_fade(inside: NDArray[np.bool_]) -> Details:
    weights = []
    for axis in (1, 0):
        used = np.flatnonzero(inside.any(axis=axis))
        weight = np.zeros(SIDE, dtype=np.float32)
        weight[used] = np.hanning(len(used) + 2)[1:-1] ** _BORDER_FADE
        weights.append(weight)
    return np.outer(*weights).astype(np.float32)


def _unit(values: Details) -> Details:
    lengths = np.sqrt((values**2).sum(axis=(1, 2), keepdims=True))
    unit: Details = (values / np.maximum(lengths, 1e-6)).astype(np.float32)
    return unit


def _power_descriptors(unusual: Details) -> NDArray[np.float32]:
    """Return unit vectors (n, d) from the low frequencies of the power spectra, on a logarithmic scale."""
    rows = []
    for chunk in _chunks(len(unusual)):
        power = np.log1p(100 * np.abs(_spectra(unusual[chunk])) ** 2)
        rows.append(np.concatenate((power[:, :20, :20], power[:, -20:, :20]), axis=1).reshape(len(power), -1))
    descriptors = np.concatenate(rows)
    descriptors -= descriptors.mean(axis=0)
    lengths = np.linalg.norm(descriptors, axis=1, keepdims=True)
    unit: NDArray[np.float32] = (descriptors / np.maximum(lengths, 1e-6)).astype(np.float32)
    return unit


def _turned(values: Details, degrees: float) -> Details:
    if degrees == 0:
        return values
    matrix = cv2.getRotationMatrix2D(((SIDE - 1) / 2, (SIDE - 1) / 2), degrees, 1.0)
    return _unit(np.stack([cv2.warpAffine(value, matrix, (SIDE, SIDE)) for value in values]))


def _spectra(values: Details) -> NDArray[np.complex64]:
    return np.fft.rfft2(values, (_PADDED, _PADDED)).astype(np.complex64)


def _peak(spectra: NDArray[np.complex64], *, upside_down: bool) -> NDArray[np.float32]:
    """Return the highest correlation near the place where the pictures lie on each other."""
    surface = np.fft.irfft2(spectra, (_PADDED, _PADDED))
    # Convolution turns the second picture by 180 degrees about its corner: they meet at SIDE - 1.
    meet = SIDE - 1 if upside_down else 0
    near = np.arange(meet - MAX_SHIFT, meet + MAX_SHIFT + 1) % _PADDED
    peak: NDArray[np.float32] = surface[:, near][:, :, near].max(axis=(1, 2)).astype(np.float32)
    return peak


def _chunks(count: int) -> Iterator[slice]:
    return (slice(start, start + _CHUNK) for start in range(0, count, _CHUNK))
