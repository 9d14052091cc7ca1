import io

import numpy as np
from PIL import Image

from local.species.drawing import SIDE, fresh_pictures, training_pictures
from local.species.subjects import SPECIES


def test_every_species_of_every_group_is_drawn_as_often_as_asked_for() -> None:
    drawn = [(picture.group, picture.species) for picture in training_pictures(7, 2)]

    assert drawn == [
        (group, name) for group, species in SPECIES.items() for name in species for _ in range(2)
    ]


def test_no_species_is_in_two_groups() -> None:
    names = [name for species in SPECIES.values() for name in species]

    assert len(set(names)) == len(names)


def test_the_same_seed_draws_the_same_bytes_and_another_one_others() -> None:
    first, again, other = ([p.encoded() for p in training_pictures(seed, 1)] for seed in (7, 7, 8))

    assert first == again
    assert not set(first) & set(other)


def test_more_pictures_leave_those_that_there_are() -> None:
    few = {picture.name: picture.encoded() for picture in training_pictures(7, 1)}
    more = {picture.name: picture.encoded() for picture in training_pictures(7, 2)}

    assert few.items() <= more.items()
    assert len(set(more.values())) == len(more)


def test_fresh_pictures_are_none_of_the_trainings() -> None:
    training = {picture.encoded() for picture in training_pictures(7, 2)}

    assert not training & {picture.encoded() for picture in fresh_pictures(7, 2)}


def test_a_picture_is_an_rgb_jpeg_of_its_size_named_after_its_folders() -> None:
    picture = next(fresh_pictures(7, 1))
    with Image.open(io.BytesIO(picture.encoded())) as image:
        found = (image.format, image.mode, image.size)

    assert found == ("JPEG", "RGB", (SIDE, SIDE))
    assert picture.name == f"{picture.group}/{picture.species}/{picture.species}-0000.jpg"


def test_species_of_a_group_differ_by_more_than_the_noise_between_two_of_one() -> None:
    """In colour histograms, which neither the pose nor the place of the animal changes."""
    means: dict[str, np.ndarray] = {}
    for picture in training_pictures(7, 12):
        found, _ = np.histogramdd(picture.pixels.reshape(-1, 3), bins=(4, 4, 4), range=[(0, 256)] * 3)
        means[picture.species] = means.get(picture.species, 0) + found / found.sum() / 12

    butterflies = list(SPECIES["butterflies"])
    distances = [np.abs(means[a] - means[b]).sum() for a in butterflies for b in butterflies if a < b]
    assert min(distances) > 0.15
