"""A batch of pictures on this machine: what is known of each, and what was set aside, by name."""

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from local.demo.boxes import Box


class BadInput(Exception):  # noqa: N818 - it ends the run with its one line, it is no defect of the program
    """What the user gave cannot be used at all; one line says what, where and what to do."""


@dataclass(frozen=True)
class Picture:
    """A picture file. `boxes` is None where no usable label is known; no boxes at all is a label too."""

    name: str  # path below the folder, with "/": the key under which it is uploaded
    path: Path
    sha256: str  # empty where the file cannot be opened
    width: int = 0  # upright pixels; 0 where the file cannot be read
    height: int = 0
    boxes: tuple[Box, ...] | None = None
    group: str | None = None  # the physical object, where the label file says so
    problem: str | None = None  # why nobody could label it: the line has to set it aside
    same_as: str | None = None  # name of an earlier file with the same bytes

    @property
    def object_metadata(self) -> dict[str, str]:
        """S3 object metadata for the upload: ASCII only, so other letters are percent-encoded."""
        return {} if self.group is None else {"group": quote(self.group, safe=" /:+,;=@._-")}


@dataclass(frozen=True)
class SetAside:
    """Something that was given and is not used, and why."""

    name: str
    reason: str


@dataclass(frozen=True)
class Batch:
    """All that was given: every file is in `pictures`, in `set_aside`, or in both."""

    classes: tuple[str, ...]
    pictures: tuple[Picture, ...]
    set_aside: tuple[SetAside, ...] = ()
    notes: tuple[str, ...] = ()  # what was used after a correction, one line each

    @property
    def labeled(self) -> tuple[Picture, ...]:
        """Readable pictures with a usable label, each content once: the material for training."""
        return tuple(p for p in self.pictures if p.boxes is not None and not p.problem and not p.same_as)

    @property
    def unlabeled(self) -> tuple[Picture, ...]:
        """Readable pictures that nobody told us anything about: only devices can look at them."""
        return tuple(p for p in self.pictures if p.boxes is None and not p.problem and not p.same_as)

    @property
    def uploads(self) -> tuple[Picture, ...]:
        """What goes into the line: all that has a label, and what the line itself has to set aside."""
        return tuple(p for p in self.pictures if p.sha256 and (p.problem or p.boxes is not None))
