from dataclasses import replace
from pathlib import Path

from config import Edgeline
from local.species.configuration import FLAT, TREE, Budget, write_configuration
from local.species.source import Material
from local.species.subjects import SPECIES


def _material(**groups: list[str]) -> Material:
    return Material(groups, (), (), (), "")


def test_the_drawn_groups_become_a_tree_and_a_flat_model_of_all_species(tmp_path: Path) -> None:
    material = _material(**{group: list(species) for group, species in SPECIES.items()})

    config = Edgeline.read(write_configuration(material, Budget(), tmp_path))

    assert [(tree.name, [child.name for child in tree.children]) for tree in config.trees] == [
        (TREE, list(SPECIES))
    ]
    everything = {name for species in SPECIES.values() for name in species}
    assert set(config.model(FLAT).classes) == everything
    assert {name for child in config.trees[0].children for name in child.classes} == everything


def test_the_flat_model_sees_as_many_pictures_as_parent_and_children_together(tmp_path: Path) -> None:
    config = Edgeline.read(
        write_configuration(_material(birds=["eagle", "duck"], fish=["shark", "ray"]), Budget(), tmp_path)
    )
    flat, parent = config.model(FLAT), config.trees[0].parent

    assert all(child.epochs == parent.epochs for child in config.trees[0].children)
    assert flat.epochs == 2 * parent.epochs
    assert flat.tuning.epochs * flat.tuning.jobs == 2 * parent.tuning.epochs * parent.tuning.jobs
    assert all(child.tuning == parent.tuning for child in config.trees[0].children)


def test_a_species_alone_in_its_group_is_named_by_the_parent(tmp_path: Path) -> None:
    material = _material(birds=["eagle", "duck"], Fungi=["fly agaric"], **{"Other animals": ["ape", "snake"]})

    config = Edgeline.read(write_configuration(material, Budget(), tmp_path))

    assert config.trees[0].parent.classes == ("fly agaric",)
    assert [child.name for child in config.trees[0].children] == ["birds", "other-animals"]


def test_the_tree_has_one_endpoint_in_each_environment(tmp_path: Path) -> None:
    material = _material(birds=["eagle", "duck"], fish=["shark", "ray"])
    config = Edgeline.read(write_configuration(material, replace(Budget(), trials=1), tmp_path))

    assert {m.staging.kind for m in config.trees[0].members} == {"components"}
    assert {(m.prod.kind, m.prod.bake_seconds) for m in config.trees[0].members} == {("components", 5)}
