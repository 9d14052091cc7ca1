import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from pipeline_defs.detection import similarity
from pipeline_defs.detection.similarity import connect, detail, group_by_similarity, neighbours, take_unusual

Gray = NDArray[np.uint8]


def part(rng: np.random.Generator) -> Gray:
    """A plate with a fixture that all share, and five marks of its own."""
    plate = np.full((200, 300), 90, dtype=np.uint8)
    for _ in range(5):
        start, end = rng.integers((40, 40), (260, 160), (2, 2)).tolist()
        cv2.line(plate, start, end, int(rng.integers(150, 250)), int(rng.integers(1, 3)), cv2.LINE_AA)
    return plate


def photograph(plate: Gray, rng: np.random.Generator, *, turn: float = 0) -> similarity.Details:
    matrix = cv2.getRotationMatrix2D((149.5, 99.5), turn + rng.uniform(-2, 2), 1.0)
    matrix[:, 2] += rng.uniform(-8, 8, 2)
    picture = cv2.warpAffine(plate, matrix, (300, 200), borderValue=240)
    cv2.rectangle(picture, (100, 0), (180, 18), 60, -1)  # the fixture stays where it is
    noisy = np.clip(picture * rng.uniform(0.8, 1.2) + rng.normal(0, 3, picture.shape), 0, 255)
    return detail(cv2.cvtColor(noisy.astype(np.uint8), cv2.COLOR_GRAY2RGB))


@pytest.fixture(scope="module")
def shots() -> tuple[similarity.Details, list[int]]:
    rng = np.random.default_rng(11)
    truth = [number for number in range(12) for _ in range(3)]
    plates = [part(rng) for _ in range(12)]
    return np.stack([photograph(plates[number], rng) for number in truth]), truth


def test_pictures_of_one_object_are_together_and_of_others_apart(
    shots: tuple[similarity.Details, list[int]],
) -> None:
    details, truth = shots
    groups = group_by_similarity(details)
    assert list(groups.numbers) == truth
    assert not groups.doubtful


def test_an_object_put_in_upside_down_is_recognised() -> None:
    rng = np.random.default_rng(12)
    plates = [part(rng) for _ in range(10)]
    details = np.stack([photograph(plate, rng, turn=turn) for plate in plates for turn in (0, 180)])
    numbers = group_by_similarity(details).numbers
    assert all(numbers[2 * n] == numbers[2 * n + 1] for n in range(10))
    assert len(set(numbers)) >= 9


def test_pictures_that_all_look_the_same_are_doubtful() -> None:
    rng = np.random.default_rng(13)
    plate = part(rng)
    groups = group_by_similarity(np.stack([photograph(plate, rng) for _ in range(6)]))
    assert groups.doubtful


def test_other_sizes_and_blank_pictures_do_no_harm(shots: tuple[similarity.Details, list[int]]) -> None:
    rng = np.random.default_rng(14)
    tall = detail(rng.integers(0, 255, (300, 90, 3), dtype=np.uint8))
    blank = detail(np.full((200, 300, 3), 128, dtype=np.uint8))
    numbers = group_by_similarity(np.concatenate((shots[0], tall[None], blank[None]))).numbers
    assert list(numbers[:36]) == shots[1]
    assert len(set(numbers)) == 14


def test_no_and_one_picture() -> None:
    assert group_by_similarity(np.zeros((0, similarity.SIDE, similarity.SIDE), np.float32)).numbers == ()
    assert group_by_similarity(detail(np.zeros((40, 40, 3), np.uint8))[None]).numbers == (0,)


def test_in_a_large_set_each_picture_still_meets_its_own_kind(
    shots: tuple[similarity.Details, list[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(similarity, "_COMPARISONS", 0)
    monkeypatch.setattr(similarity, "_MIN_NEIGHBOURS", 8)
    pairs = neighbours(take_unusual(shots[0]))
    assert len(pairs) < 36 * 8
    truth = np.array(shots[1])
    kin = pairs[truth[pairs[:, 0]] == truth[pairs[:, 1]]]
    assert connect(36, kin) == shots[1]


def test_components_are_numbered_by_their_first_item() -> None:
    assert connect(6, [(4, 1), (5, 0), (1, 2)]) == [0, 1, 1, 2, 1, 0]
