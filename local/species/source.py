"""What goes into the line and what is kept to try it on: drawn pictures, or a user's folder."""

import hashlib
import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from local.demo.batch import BadInput, SetAside
from local.demo.folder import EXTENSIONS
from local.species.drawing import fresh_pictures, training_pictures
from local.species.subjects import SPECIES

TRIED = 3  # pictures of each species that the line never sees
LEAST = 10  # of each species, for the line
_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z][a-z0-9]*)*")
_LONGEST_NAME = 24

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Picture:
    """A file and the species that it shows."""

    path: Path
    group: str
    species: str


@dataclass(frozen=True)
class Material:
    """`tree`: the species of each group, in order. `pictures` go into the line, `fresh` ones are tried."""

    tree: Mapping[str, Sequence[str]]
    pictures: tuple[Picture, ...]
    fresh: tuple[Picture, ...]
    set_aside: tuple[SetAside, ...]
    description: str

    @property
    def children(self) -> dict[str, Sequence[str]]:
        """The groups with something to tell apart; of the others the parent names the species."""
        return {group: species for group, species in self.tree.items() if len(species) > 1}

    @property
    def own_classes(self) -> list[str]:
        """The species that are alone in their group."""
        return [species[0] for species in self.tree.values() if len(species) == 1]


def draw(folder: Path, *, each: int, seed: int, progress: Progress) -> Material:
    """Draw `each` pictures of every species below `folder`, and some to try."""
    drawn = {"line": training_pictures(seed, each), "fresh": fresh_pictures(seed, TRIED)}
    total = sum(map(len, SPECIES.values())) * (each + TRIED)
    written: dict[str, list[Picture]] = {part: [] for part in drawn}
    for part, pictures in drawn.items():
        for picture in pictures:
            path = folder / part / picture.name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(picture.encoded())
            written[part].append(Picture(path, picture.group, picture.species))
            progress(sum(map(len, written.values())), total)
    tree = {group: tuple(species) for group, species in SPECIES.items()}
    line, fresh = tuple(written["line"]), tuple(written["fresh"])
    return Material(tree, line, fresh, (), f"{len(line)} drawn pictures, seed {seed}")


def read(folder: Path) -> Material:
    """Read a folder with a folder for each group, and in it one for each species.

    What is no picture is set aside by name; whether a picture can be used is for the line to find out. Raises
    BadInput where the folders do not make a tree.
    """
    if not folder.is_dir():
        raise BadInput(
            f"{folder}: there is no such folder; give one with <group>/<species>/ folders of pictures"
        )
    tree: dict[str, list[str]] = defaultdict(list)
    pictures: list[Picture] = []
    fresh: list[Picture] = []
    set_aside: list[SetAside] = []
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        parts = path.relative_to(folder).parts
        if len(parts) != 3 or path.suffix.lower() not in EXTENSIONS:
            set_aside.append(SetAside("/".join(parts), _why_not(parts)))
            continue
        if parts[1] not in tree[parts[0]]:
            tree[parts[0]].append(parts[1])
        pictures.append(Picture(path, *parts[:2]))
    _require_a_tree(folder, tree)
    for species in (name for names in tree.values() for name in names):
        of_species = [picture for picture in pictures if picture.species == species]
        if len(of_species) < LEAST + TRIED:
            raise BadInput(
                f"{folder}: {species} has {len(of_species)} pictures; it takes {LEAST} to train, and "
                f"{TRIED} more to try: add some, or move the folder away"
            )
        fresh += sorted(of_species, key=_by_content)[:TRIED]
    kept = set(fresh)
    line = tuple(picture for picture in pictures if picture not in kept)
    described = f"{len(line)} pictures of {folder}"
    return Material(dict(tree), line, tuple(fresh), tuple(set_aside), described)


def model_name(group: str) -> str:
    """Name the model of a group as edgeline.toml takes it: `Other animals` is `other-animals`."""
    return re.sub(r"[^a-z0-9]+", "-", group.lower()).strip("-")


def _require_a_tree(folder: Path, tree: Mapping[str, Sequence[str]]) -> None:
    if not tree:
        raise BadInput(f"{folder}: no picture in <group>/<species>/; put them into such folders")
    species = [name for names in tree.values() for name in names]
    twice = sorted({name for name in species if species.count(name) > 1})
    if twice:
        raise BadInput(f"{folder}: {twice[0]} is in two groups: a species has one place in the tree")
    names = [model_name(group) for group in tree]
    for group, name in zip(tree, names, strict=True):
        if not _NAME.fullmatch(name) or len(name) > _LONGEST_NAME or names.count(name) > 1:
            raise BadInput(
                f"{folder}/{group}: no name for a model: name the folder with letters, digits and hyphens, "
                f"{_LONGEST_NAME} at most, unlike the others"
            )
    if len(tree) < 2 or not any(len(names) > 1 for names in tree.values()):
        raise BadInput(f"{folder}: a tree takes two groups, one of them with two species")


def _why_not(parts: Sequence[str]) -> str:
    if any(part.startswith(".") for part in parts):
        return "hidden file"
    return "not a picture" if len(parts) == 3 else "not in <group>/<species>/"


def _by_content(picture: Picture) -> str:
    """Choose by content, so that a renamed or added picture changes no other's place."""
    return hashlib.sha256(picture.path.read_bytes()).hexdigest()
