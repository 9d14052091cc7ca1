"""What the user asked for."""

from dataclasses import dataclass
from pathlib import Path

from local.species.configuration import REAL, Budget


@dataclass(frozen=True)
class Options:
    """A run of the species demo; `images` None draws pictures, `each` of every species.

    `stay` keeps the page up after the run, until Ctrl-C.
    """

    folder: Path
    images: Path | None = None
    seed: int = 7
    each: int = 80
    stay: bool = False

    @property
    def budget(self) -> Budget:
        """How long the models learn."""
        return REAL if self.images else Budget()
