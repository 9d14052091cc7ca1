from pathlib import Path

import pytest

from local.demo.batch import BadInput
from local.species import source
from local.species.subjects import SPECIES


def _ignore(_done: int, _total: int) -> None: ...


def _tree(folder: Path, **groups: list[str]) -> Path:
    """Files that look like pictures, each with its own content; a name ending in * has too few."""
    for group, species in groups.items():
        for name in species:
            few = name.endswith("*")
            place = folder / group / name.rstrip("*")
            place.mkdir(parents=True)
            for number in range(5 if few else source.LEAST + source.TRIED + 2):
                (place / f"{number}.jpg").write_bytes(f"{name} {number}".encode())
    return folder


def test_drawn_pictures_make_the_tree_and_none_is_both_trained_on_and_tried(tmp_path: Path) -> None:
    material = source.draw(tmp_path, each=2, seed=7, progress=_ignore)

    assert {group: list(names) for group, names in material.tree.items()} == {
        group: list(species) for group, species in SPECIES.items()
    }
    assert len(material.pictures) == 2 * 12
    assert len(material.fresh) == source.TRIED * 12
    contents = [picture.path.read_bytes() for picture in (*material.pictures, *material.fresh)]
    assert len(set(contents)) == len(contents)


def test_a_folder_is_read_into_groups_with_some_of_each_species_kept_to_try(tmp_path: Path) -> None:
    folder = _tree(tmp_path, birds=["eagle", "duck"], fish=["shark", "ray"])
    (folder / "notes.txt").write_text("mine")
    (folder / "birds" / "eagle" / "list.csv").write_text("x")

    material = source.read(folder)

    assert material.tree == {"birds": ["duck", "eagle"], "fish": ["ray", "shark"]}
    assert len(material.fresh) == 4 * source.TRIED
    assert len(material.pictures) == 4 * (source.LEAST + 2)
    assert not set(material.fresh) & set(material.pictures)
    assert {(entry.name, entry.reason) for entry in material.set_aside} == {
        ("notes.txt", "not in <group>/<species>/"),
        ("birds/eagle/list.csv", "not a picture"),
    }


def test_what_is_tried_is_chosen_by_content_not_by_name(tmp_path: Path) -> None:
    first = source.read(_tree(tmp_path / "a", birds=["eagle", "duck"], fish=["shark"]))
    renamed = _tree(tmp_path / "b", birds=["eagle", "duck"], fish=["shark"])
    for path in list(renamed.rglob("*.jpg")):
        path.rename(path.with_name(f"another-{path.name}"))

    assert {p.path.read_bytes() for p in first.fresh} == {
        p.path.read_bytes() for p in source.read(renamed).fresh
    }


def test_a_species_that_is_alone_in_its_group_is_the_parents_own_class(tmp_path: Path) -> None:
    material = source.read(_tree(tmp_path, birds=["eagle", "duck"], fungi=["mushroom"]))

    assert material.children == {"birds": ["duck", "eagle"]}
    assert material.own_classes == ["mushroom"]


@pytest.mark.parametrize(
    ("groups", "complaint"),
    [
        ({"birds": ["eagle", "duck"], "pets": ["duck"]}, "duck is in two groups"),
        ({"birds": ["eagle", "duck"]}, "a tree takes two groups"),
        ({"birds": ["eagle"], "fish": ["shark"]}, "one of them with two species"),
        ({"birds": ["eagle", "duck"], "fish": ["shark*"]}, "shark has 5 pictures"),
        ({"birds": ["eagle", "duck"], "1234": ["shark"]}, "no name for a model"),
        ({"Sea fish": ["shark", "ray"], "sea-fish": ["cod"]}, "unlike the others"),
    ],
)
def test_folders_that_make_no_tree_are_refused_in_one_line(
    tmp_path: Path, groups: dict[str, list[str]], complaint: str
) -> None:
    folder = _tree(tmp_path, **groups)

    with pytest.raises(BadInput, match=complaint) as refused:
        source.read(folder)

    assert str(folder) in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_folder_that_is_not_there_and_one_without_folders_are_refused(tmp_path: Path) -> None:
    (tmp_path / "1.jpg").write_bytes(b"a picture")

    with pytest.raises(BadInput, match="no such folder"):
        source.read(tmp_path / "none")
    with pytest.raises(BadInput, match="<group>/<species>/"):
        source.read(tmp_path)


def test_a_groups_name_becomes_one_that_a_model_can_have() -> None:
    assert source.model_name("Other_Animals") == "other-animals"
