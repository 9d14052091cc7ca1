"""What the user asked a run for."""

from dataclasses import dataclass
from pathlib import Path

from local.demo.synthesis import ROOT

SYNTHETIC_PICTURES = 300
MISTAKE_RATE = 0.08


@dataclass(frozen=True)
class Options:
    """What the user asked for; `images` None draws synthetic tags.

    `by_hand` pictures are left for the user to label on the page. `stay` keeps the cloud up after the run,
    until Ctrl-C.
    """

    folder: Path
    images: Path | None = None
    labels: Path | None = None
    seed: int = 7
    pictures: int = SYNTHETIC_PICTURES
    mistake_rate: float = MISTAKE_RATE
    by_hand: int = 0
    stay: bool = False
    configuration: Path = ROOT / "edgeline.toml"
